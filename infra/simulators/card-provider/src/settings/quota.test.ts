import { expect, test } from 'vitest'
import { createQuota } from './quota.ts'

function openQuota() {
  let nowMs = 0
  const quota = createQuota(() => nowMs)
  return {
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Makes so many requests at once, and answers how many are admitted. */
    admit: (requests: number, perSecond: number, burst = 0) =>
      Array.from({ length: requests }, () => quota.take(perSecond, burst)).filter(
        seconds => seconds === undefined,
      ).length,
    take: quota.take,
  }
}

test('a quota admits the requests of one second at once, and then its rate', () => {
  const { admit, pass } = openQuota()
  expect(admit(50, 10)).toBe(10)
  expect(admit(50, 10)).toBe(0)
  pass(500)
  expect(admit(50, 10)).toBe(5)
  pass(60_000)
  expect(admit(50, 10)).toBe(10)
})

test('a burst is admitted at once after a pause, and does not raise the rate', () => {
  const { admit, pass } = openQuota()
  expect(admit(50, 10, 30)).toBe(30)
  pass(1_000)
  expect(admit(50, 10, 30)).toBe(10)
  pass(60_000)
  expect(admit(50, 10, 1)).toBe(1)
})

test('over ten seconds of steady load no more than the quota and one burst are admitted', () => {
  const { admit, pass } = openQuota()
  let admitted = 0
  for (let ms = 0; ms < 10_000; ms += 5) {
    admitted += admit(1, 10)
    pass(5)
  }
  expect(admitted).toBeGreaterThanOrEqual(108)
  expect(admitted).toBeLessThanOrEqual(110)
})

test('a refusal names whole seconds, at least one', () => {
  const { admit, take } = openQuota()
  admit(1, 1)
  expect(take(1, 0)).toBe(1)
  admit(1_000, 1_000)
  expect(take(1_000, 0)).toBe(1)
})

test('without a quota every request is admitted, and a new quota begins with a full bucket', () => {
  const { admit } = openQuota()
  expect(admit(500, 0)).toBe(500)
  expect(admit(20, 7)).toBe(7)
  expect(admit(1, 0)).toBe(1)
  expect(admit(20, 7)).toBe(7)
})
