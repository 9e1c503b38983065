import { expect, test } from 'vitest'
import { leaveItToClients } from './naive.ts'
import { reconcileDue } from './reconciler.ts'
import type { DueWork } from './types.ts'

const otherTurns = () => new Promise(resolve => setImmediate(resolve))

/** Due work, with a record of how much of it was in progress at once and what was finished. */
function openWork(due: number[], changes: Partial<DueWork<number>> = {}) {
  const seen = { atOnce: 0, finished: [] as number[], taken: 0 }
  let inProgress = 0
  const work: DueWork<number> = {
    takeOne: async () => {
      const one = due.shift()
      if (one !== undefined) seen.taken += 1
      return one
    },
    finishOne: async one => {
      inProgress += 1
      seen.atOnce = Math.max(seen.atOnce, inProgress)
      await otherTurns()
      inProgress -= 1
      seen.finished.push(one)
    },
    concurrencyMax: 3,
    roundMax: 100,
    signal: new AbortController().signal,
    ...changes,
  }
  return { seen, work, inProgress: () => inProgress }
}

const numbers = (length: number) => Array.from({ length }, (_, number) => number)

test('every due item is finished once, with bounded concurrency', async () => {
  const { seen, work } = openWork(numbers(10))
  expect(await reconcileDue(work)).toBe(10)
  expect(seen.finished.toSorted((a, b) => a - b)).toEqual(numbers(10))
  expect(seen.atOnce).toBe(3)
})

test('a round without due items ends at once', async () => {
  const { seen, work } = openWork([])
  expect(await reconcileDue(work)).toBe(0)
  expect(seen.finished).toEqual([])
})

test('a round is bounded, however much is due', async () => {
  const { work } = openWork(numbers(50), { roundMax: 20 })
  expect(await reconcileDue(work)).toBe(20)
})

test('an item is taken only when its work begins, so that its lease covers its own attempt', async () => {
  const { seen, work } = openWork(numbers(10))
  let takenAhead = 0
  const finishOne = async (one: number) => {
    takenAhead = Math.max(takenAhead, seen.taken - seen.finished.length)
    await work.finishOne(one)
  }
  await reconcileDue({ ...work, finishOne })
  expect(takenAhead).toBe(3)
})

test('a stop waits for the items in progress and takes no more', async () => {
  const stop = new AbortController()
  const { seen, work } = openWork(numbers(10), { signal: stop.signal })
  const finishOne = async (one: number) => {
    stop.abort()
    await work.finishOne(one)
  }
  expect(await reconcileDue({ ...work, finishOne })).toBe(1)
  expect(seen.finished).toEqual([0])
})

test('a failing item leaves no other in progress, and all errors are reported', async () => {
  const { seen, work, inProgress } = openWork(numbers(10))
  const finishOne = async (one: number) => {
    if (one === 0 || one === 7) throw new Error(`item ${one}`)
    await work.finishOne(one)
  }
  const failed: unknown = await reconcileDue({ ...work, finishOne }).catch(
    (error: unknown) => error,
  )
  expect(failed).toBeInstanceOf(AggregateError)
  expect((failed as AggregateError).errors.map(String)).toEqual(['Error: item 0', 'Error: item 7'])
  expect(inProgress()).toBe(0)
  expect(seen.finished).toHaveLength(8)
})

test('a round that can take no more items ends after those that were taken', async () => {
  let calls = 0
  const { seen, work, inProgress } = openWork(numbers(10))
  const takeOne = async () => {
    calls += 1
    if (calls === 2) throw new Error('no database')
    return work.takeOne()
  }
  await expect(reconcileDue({ ...work, takeOne })).rejects.toThrow('1 failures')
  expect(inProgress()).toBe(0)
  expect(seen.finished).toEqual([0])
})

test('the naive version finishes nothing', async () => {
  const { seen, work } = openWork([1, 2, 3])
  expect(await leaveItToClients(work)).toBe(0)
  expect(seen.finished).toEqual([])
})
