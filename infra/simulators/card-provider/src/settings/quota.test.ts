import { expect, test } from 'vitest'
import { createQuota } from './quota.ts'

function openQuota() {
  let nowMs = 0
  const quota = createQuota(() => nowMs)
  return {
    pass: (ms: number) => {
      nowMs += ms
    },
    /** How many of so many are let in at once. */
    letIn: (asked: number, perSecond: number, burst = 0) =>
      Array.from({ length: asked }, () => quota.take(perSecond, burst)).filter(
        seconds => seconds === undefined,
      ).length,
    take: quota.take,
  }
}

test('a quota lets in one second of requests at once, and then as many as it says', () => {
  const { letIn, pass } = openQuota()
  expect(letIn(50, 10)).toBe(10)
  expect(letIn(50, 10)).toBe(0)
  pass(500)
  expect(letIn(50, 10)).toBe(5)
  pass(60_000)
  expect(letIn(50, 10)).toBe(10)
})

test('a burst is what is let in at once after a pause, and does not make it faster', () => {
  const { letIn, pass } = openQuota()
  expect(letIn(50, 10, 30)).toBe(30)
  pass(1_000)
  expect(letIn(50, 10, 30)).toBe(10)
  pass(60_000)
  expect(letIn(50, 10, 1)).toBe(1)
})

test('over ten seconds of steady pressure no more come through than the quota and one burst', () => {
  const { letIn, pass } = openQuota()
  let through = 0
  for (let ms = 0; ms < 10_000; ms += 5) {
    through += letIn(1, 10)
    pass(5)
  }
  expect(through).toBeGreaterThanOrEqual(108)
  expect(through).toBeLessThanOrEqual(110)
})

test('a refusal names whole seconds, at least one', () => {
  const { letIn, take } = openQuota()
  letIn(1, 1)
  expect(take(1, 0)).toBe(1)
  letIn(1_000, 1_000)
  expect(take(1_000, 0)).toBe(1)
})

test('without a quota everything is let in, and turning one on begins with a full bucket', () => {
  const { letIn } = openQuota()
  expect(letIn(500, 0)).toBe(500)
  expect(letIn(20, 7)).toBe(7)
  expect(letIn(1, 0)).toBe(1)
  expect(letIn(20, 7)).toBe(7)
})
