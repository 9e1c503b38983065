import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { lagAwareTimer } from './local-stall.ts'
import { bareTimer } from './naive.ts'
import { LocalStall, type Timer } from './types.ts'

/** A timer of a busy machine may fire late, too. Then it says that there was a stall. */
const attemptsMax = 5

/** Keeps the event loop busy, as a large JSON text or a garbage collection does. */
function stallFor(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('a timer that fires in time says nothing about a stall', async () => {
  for (let attempt = 1; ; attempt += 1) {
    const stall = await new Promise(resolve => lagAwareTimer(20, resolve))
    if (stall === undefined) return
    if (attempt === attemptsMax) throw stall
  }
})

test('a timer that was cancelled never fires, also not during its last moment', async () => {
  let hasFired = false
  const cancel = lagAwareTimer(5, () => {
    hasFired = true
  })
  stallFor(60)
  // The timer has fired late by now and waits for its last moment.
  await new Promise(resolve => setImmediate(resolve))
  cancel()
  await new Promise(resolve => lagAwareTimer(30, resolve))
  expect(hasFired).toBe(false)
})

/** Both ends of one connection. A write at the one end waits in the kernel for the other. */
async function openConnection(): Promise<{ near: Socket; far: Socket; close: () => void }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('it does not listen')
  const accepted = once(server, 'connection')
  const near = connect(address.port, '127.0.0.1')
  const [far] = (await accepted) as [Socket]
  for (const socket of [near, far]) socket.on('error', () => {}) // resets at the end of a test
  return {
    near,
    far,
    close: () => {
      near.destroy()
      far.destroy()
      server.close()
    },
  }
}

/** What comes first after a stall: the answer that arrived during it, or the end of the time. */
async function firstAfterStall(timer: Timer): Promise<string> {
  const { near, far, close } = await openConnection()
  const first = await new Promise<string>(resolve => {
    near.on('data', () => resolve('answer'))
    far.write('an answer')
    timer(10, () => resolve('expired'))
    stallFor(100)
  })
  close()
  return first
}

test('an answer that arrived during a stall is read before the timer expires', async () => {
  expect(await firstAfterStall(lagAwareTimer)).toBe('answer')
})

test('the naive version expires before an answer that is already there is read', async () => {
  expect(await firstAfterStall(bareTimer)).toBe('expired')
})

test('a stall without an answer expires, and says how long it was', async () => {
  const stall = await new Promise<unknown>(resolve => {
    lagAwareTimer(10, resolve)
    stallFor(100)
  })
  expect(stall).toBeInstanceOf(LocalStall)
  expect(String(stall)).toMatch(/stalled for \d+ ms/)
})

test('the naive version knows of no stall, and can be cancelled', async () => {
  const stall = await new Promise<unknown>(resolve => {
    const cancel = bareTimer(5, () => resolve('it was cancelled'))
    bareTimer(10, resolve)
    cancel()
    stallFor(100)
  })
  expect(stall).toBeUndefined()
})
