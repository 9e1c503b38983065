import { NoTurn } from '@nightshift/runtime/process/turns'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { newestFirst } from './newest-first.ts'

const limits = {
  atWorkMax: 1,
  waitingMax: 5,
  burstWaitMs: 500,
  burstMs: 100,
  hurriedWaitMs: 20,
} as const

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A queue, and work in it that ends when it is told to. */
function openQueue() {
  const turns = newestFirst(limits, Date.now)
  const begun: string[] = []
  const refused: string[] = []
  const ends = new Map<string, () => void>()
  function ask(name: string): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    ends.set(name, resolve)
    turns(() => {
      begun.push(name)
      return promise
    }).catch((error: unknown) => {
      if (!(error instanceof NoTurn)) throw error
      refused.push(name)
    })
  }
  async function end(name: string): Promise<void> {
    ends.get(name)?.()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { ask, end, begun, refused, pass: (ms: number) => vi.advanceTimersByTimeAsync(ms) }
}

test('a burst waits in order', async () => {
  const { ask, end, begun, refused, pass } = openQueue()
  for (const name of ['a', 'b', 'c']) ask(name)
  await pass(limits.burstMs)
  await end('a')
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  expect(refused).toEqual([])
})

test('in a queue that does not become empty, the newest is first, and each waits for a short time', async () => {
  const { ask, end, begun, refused, pass } = openQueue()
  ask('at work')
  ask('early')
  await pass(limits.burstMs + 1)
  ask('later')
  ask('latest')
  await end('at work')
  expect(begun).toEqual(['at work', 'latest'])
  await pass(limits.hurriedWaitMs)
  expect(refused).toEqual(['later'])
  await end('latest')
  expect(begun).toEqual(['at work', 'latest', 'early'])
})

test('a queue that was empty is a burst again', async () => {
  const { ask, end, begun, pass } = openQueue()
  ask('a')
  ask('b')
  await pass(limits.burstMs + 1)
  await end('a')
  ask('c')
  ask('d')
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
})

test('no more wait than may, and nobody for longer than a burst may', async () => {
  const { ask, refused, pass } = openQueue()
  for (let each = 0; each <= limits.waitingMax + 1; each += 1) ask(String(each))
  await pass(0)
  expect(refused).toEqual(['6'])
  await pass(limits.burstWaitMs)
  expect(refused).toEqual(['6', '1', '2', '3', '4', '5'])
})

test('work that fails hands its turn on', async () => {
  const turns = newestFirst(limits, Date.now)
  await expect(turns(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken')
  expect(await turns(async () => 'done')).toBe('done')
})
