import { expect, test } from 'vitest'
import { policyOf, toldRate } from './told-rate.ts'

const limits = { surplus: 1, forgetMs: 10_000, burstMs: 1_000 }

function openLab() {
  let nowMs = 0
  const admission = toldRate(limits, () => nowMs)
  return {
    admission,
    pass: (ms: number) => {
      nowMs += ms
    },
    /** Asks a hundred times in each second; answers how many found a place, per second. */
    run(seconds: number): number {
      let taken = 0
      for (let i = 0; i < seconds * 100; i += 1) {
        nowMs += 10
        if (admission.take('high')) taken += 1
      }
      return taken / seconds
    },
  }
}

test('everything is admitted until a limit was told, and as much as was told afterwards', () => {
  const { admission, run } = openLab()
  expect(run(1)).toBe(100)
  admission.hear(policyOf(7.5))
  expect(admission.perSecond()).toBe(7.5)
  run(1) // the places that may be saved
  expect(run(8)).toBeCloseTo(7.5, 0)
})

test('a place that was kept for work that has begun is kept for it after it was given back', () => {
  const { admission, pass } = openLab()
  admission.hear(policyOf(2))
  pass(4_000)
  while (admission.take('high')) pass(0)
  expect(admission.take('begun')).toBe(true)
  admission.giveBack('begun')
  expect(admission.take('high')).toBe(false)
  expect(admission.take('begun')).toBe(true)
})

test('a restarted service, which knows no limit yet, changes nothing', () => {
  const { admission, run } = openLab()
  admission.hear(policyOf(5))
  admission.hear(undefined)
  expect(run(5)).toBeCloseTo(5, 0)
})

test('a limit that was told long ago is forgotten bit by bit, so that not all are let in at once', () => {
  const { admission, pass, run } = openLab()
  admission.hear(policyOf(5))
  pass(limits.forgetMs)
  expect(admission.perSecond()).toBe(5)
  run(1) // the places that were saved
  expect(run(1)).toBeLessThan(9)
  pass(limits.forgetMs - 2_000)
  expect(admission.perSecond()).toBeUndefined()
})

test('the limit of the door is found among the limits of a tenant', () => {
  for (const policy of [`"tenant";q=9;w=1, ${policyOf(5)}`, `${policyOf(5)}, "tenant";q=9;w=1`]) {
    const { admission } = openLab()
    admission.hear(policy)
    expect(admission.perSecond()).toBe(5)
  }
})

test.each([
  '',
  'door',
  '"door";q=;w=10',
  '"door";q=5',
  '"other";q=5;w=1',
  '"door";q=-5;w=1',
  '"tenant";q=5;w=1, "backdoor";q=5;w=1',
  7,
  null,
])('a header of another form changes nothing: %j', header => {
  const { admission } = openLab()
  admission.hear(header)
  expect(admission.perSecond()).toBeUndefined()
})

test('the least rate that is told is a tenth of a request per second', () => {
  const { admission } = openLab()
  admission.hear(policyOf(0))
  expect(admission.perSecond()).toBe(0.1)
})
