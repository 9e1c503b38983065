import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { expect, test } from 'vitest'
import { lagAwareTimer } from '../local-stall/local-stall.ts'
import { openHttpClient } from './http-client.ts'
import { sharedLookUp } from './shared-look-up.ts'

const here = [{ address: '127.0.0.1', family: 4 }]
const there = [{ address: '127.0.0.2', family: 4 }]
const [minuteMs, hourMs] = [60_000, 3_600_000]

/** A resolver that answers when the test says so, and a clock that the test moves. */
function openLab() {
  const asked: PromiseWithResolvers<typeof here>[] = []
  let nowMs = 0
  const lookUp = sharedLookUp(
    () => {
      const answer = Promise.withResolvers<typeof here>()
      asked.push(answer)
      return answer.promise
    },
    () => nowMs,
  )
  const find = (name = 'provider.test') =>
    new Promise((resolve, reject) => {
      lookUp(name, { all: true }, (error, found) => (error ? reject(error) : resolve(found)))
    })
  const wait = (ms: number) => {
    nowMs += ms
  }
  return { asked, find, lookUp, wait }
}

test('callers at the same time share one question, or a few of them would fill the thread pool', async () => {
  const { asked, find } = openLab()
  const found = Array.from({ length: 50 }, () => find())
  expect(asked).toHaveLength(1)
  asked[0]?.resolve(here)
  expect(await Promise.all(found)).toEqual(found.map(() => here))
})

test('two names are two questions', async () => {
  const { asked, find } = openLab()
  const [first, second] = [find('one.test'), find('two.test')]
  asked[0]?.resolve(here)
  asked[1]?.resolve(there)
  expect([await first, await second]).toEqual([here, there])
})

test('an address is not asked for again at once, and later a new one is found', async () => {
  const { asked, find, wait } = openLab()
  const first = find()
  asked[0]?.resolve(here)
  await first
  await find()
  expect(asked).toHaveLength(1)
  wait(minuteMs)
  await find()
  asked[1]?.resolve(there)
  await asked[1]?.promise
  await expect.poll(() => find()).toEqual(there)
  expect(asked).toHaveLength(2)
})

test('while the resolver is silent or fails, the last address is used, but not for ever', async () => {
  const { asked, find, wait } = openLab()
  const first = find()
  asked[0]?.resolve(here)
  await first
  wait(minuteMs)
  expect(await find()).toEqual(here)
  expect(await find()).toEqual(here)
  expect(asked).toHaveLength(2)
  asked[1]?.reject(new Error('EAI_AGAIN'))
  expect(await find()).toEqual(here)
  wait(hourMs)
  const last = find()
  asked.at(-1)?.reject(new Error('EAI_AGAIN'))
  await expect(last).rejects.toThrow('EAI_AGAIN')
})

test('a failure is told to all who share it, and the next caller asks anew', async () => {
  const { asked, find } = openLab()
  const found = Promise.allSettled([find(), find()])
  asked[0]?.reject(new Error('ENOTFOUND'))
  expect((await found).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const next = find()
  asked[1]?.resolve(here)
  expect(await next).toEqual(here)
})

test('a caller that wants one address gets the first, and its family', async () => {
  const { asked, lookUp } = openLab()
  const one = new Promise(resolve => {
    lookUp('provider.test', {}, (...found) => resolve(found))
  })
  asked[0]?.resolve(here)
  expect(await one).toEqual([null, '127.0.0.1', 4])
})

test('a client finds its dependency by name, with the resolver of the machine', async () => {
  const server = createServer((_request, answer) => answer.end('{}')).listen(0)
  const { port } = server.address() as AddressInfo
  const limits = { connectionsMax: 1, connectMs: 5_000, answerBytesMax: 100 }
  const client = openHttpClient(`http://localhost:${port}`, limits, lagAwareTimer)
  const answer = await client.call({ method: 'GET', path: '/', deadline: deadlineIn(10_000) })
  expect(answer).toMatchObject({ kind: 'answer', status: 200 })
  await client.close()
  server.close()
})
