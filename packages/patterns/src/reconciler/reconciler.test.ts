import { expect, test } from 'vitest'
import { leaveItToClients } from './naive.ts'
import { reconcileDue } from './reconciler.ts'

/** Work that says how much of it was under way at once, and what was finished. */
function openWork(due: readonly number[]) {
  const seen = { atOnce: 0, finished: [] as number[] }
  let underWay = 0
  const finishOne = async (one: number) => {
    underWay += 1
    seen.atOnce = Math.max(seen.atOnce, underWay)
    await new Promise(resolve => setImmediate(resolve))
    underWay -= 1
    seen.finished.push(one)
  }
  return { seen, work: { takeDue: async () => due, finishOne, concurrencyMax: 3 } }
}

test('all that is due is finished once, so many at a time', async () => {
  const due = Array.from({ length: 10 }, (_, number) => number)
  const { seen, work } = openWork(due)
  expect(await reconcileDue(work)).toBe(10)
  expect(seen.finished.toSorted((a, b) => a - b)).toEqual(due)
  expect(seen.atOnce).toBe(3)
})

test('a round without anything due is over at once', async () => {
  const { seen, work } = openWork([])
  expect(await reconcileDue(work)).toBe(0)
  expect(seen.finished).toEqual([])
})

test('the naive twin finishes nothing', async () => {
  const { seen, work } = openWork([1, 2, 3])
  expect(await leaveItToClients(work)).toBe(0)
  expect(seen.finished).toEqual([])
})
