import { expect, test } from 'vitest'
import { learnedRate } from './load-shedding.ts'
import { beginEverything } from './naive.ts'
import type { Level } from './types.ts'

const limits = {
  perSecondMin: 1,
  keptShare: 0.9,
  windowMs: 2_000,
  effectMs: 250,
  littleMs: 1_000,
  burstMs: 1_000,
}
const stepMs = 5
const msPerSecond = 1_000

type Lab = ReturnType<typeof learnedRate>
type Demand = Readonly<Partial<Record<Level, number>>>

/** A dependency with a quota, and callers who ask it through an admission. The clock is the test's. */
function openLab(open: (now: () => number) => Lab = now => learnedRate(limits, now)) {
  let nowMs = 0
  let quota = 10
  let tokens = quota
  let filledAt = 0
  let isAway = false
  const admission = open(() => nowMs)
  const seen = { taken: 0, refused: 0, byLevel: { begun: 0, high: 0, middle: 0, low: 0 } }

  function call(level: Level): void {
    if (!admission.take(level)) return
    tokens = Math.min(quota, tokens + ((nowMs - filledAt) / msPerSecond) * quota)
    filledAt = nowMs
    const sent = admission.sent()
    if (isAway) {
      sent.notSent()
      return
    }
    if (tokens < 1) {
      seen.refused += 1
      sent.refused()
      return
    }
    tokens -= 1
    seen.taken += 1
    seen.byLevel[level] += 1
  }

  return {
    admission,
    setQuota: (perSecond: number) => {
      quota = perSecond
    },
    setAway: (away: boolean) => {
      isAway = away
    },
    /** Lets so many seconds pass with so many calls per second, and answers what happened in them. */
    run(seconds: number, demand: Demand) {
      const before = { ...seen, byLevel: { ...seen.byLevel } }
      const due = { begun: 0, high: 0, middle: 0, low: 0 }
      const endMs = nowMs + seconds * msPerSecond
      for (; nowMs < endMs; nowMs += stepMs) {
        for (const [level, perSecond] of Object.entries(demand) as [Level, number][]) {
          due[level] += (perSecond * stepMs) / msPerSecond
          for (; due[level] >= 1; due[level] -= 1) call(level)
        }
      }
      const of = (level: Level) => (seen.byLevel[level] - before.byLevel[level]) / seconds
      return {
        taken: (seen.taken - before.taken) / seconds,
        refused: (seen.refused - before.refused) / seconds,
        of,
      }
    },
  }
}

/** The dependency cannot be reached for so many seconds, and one call a second finds that out. */
function outage({ run, setAway }: ReturnType<typeof openLab>, seconds: number): void {
  setAway(true)
  run(seconds, { begun: 1 })
  setAway(false)
}

test('without a refusal everything is admitted', () => {
  const { run, admission } = openLab()
  expect(run(30, { high: 9 }).taken).toBeCloseTo(9, 1)
  expect(admission.perSecond()).toBeUndefined()
})

test.each([7, 70, 700])(
  'at %i calls per second a quota of ten is used up, and hardly a call is refused by it',
  perSecond => {
    const { run } = openLab()
    run(5, { high: perSecond })
    const { taken, refused } = run(60, { high: perSecond })
    expect(taken).toBeGreaterThan(0.97 * Math.min(10, perSecond))
    expect(refused).toBeLessThan(0.7)
  },
)

test('the naive version lets the dependency refuse all that is too much', () => {
  const { run } = openLab(beginEverything)
  expect(run(10, { high: 70 }).refused).toBeGreaterThan(55)
})

test('a quota that becomes smaller is noticed in seconds, and one that becomes larger in a minute', () => {
  const { run, setQuota } = openLab()
  run(10, { high: 700 })
  setQuota(2)
  run(5, { high: 700 })
  expect(run(20, { high: 700 }).refused).toBeLessThan(2)
  setQuota(100)
  run(60, { high: 700 })
  expect(run(10, { high: 700 }).taken).toBeGreaterThan(90)
})

test('newcomers find a place although ten times as many ask again', () => {
  const { run } = openLab()
  run(5, { high: 7, low: 70 })
  const later = run(30, { high: 7, low: 70 })
  expect(later.of('high')).toBeGreaterThan(0.9 * 7)
  expect(later.taken).toBeGreaterThan(9.5)
})

test('a level is served as soon as those before it need less', () => {
  const { run } = openLab()
  run(5, { high: 70, low: 70 })
  expect(run(10, { high: 70, low: 70 }).of('low')).toBeLessThan(0.5)
  expect(run(10, { low: 70 }).of('low')).toBeGreaterThan(9)
})

test('work that has begun gets its share of the quota during an overload, and no more', () => {
  const { run } = openLab()
  run(5, { begun: 30, high: 70 })
  const later = run(30, { begun: 30, high: 70 })
  expect(later.of('begun')).toBeGreaterThan(0.9)
  expect(later.of('begun')).toBeLessThan(3)
  expect(later.of('high')).toBeGreaterThan(7)
})

test('two newcomers of loud tenants who come at once find places, although others take all that is left', () => {
  const { run, admission } = openLab()
  run(20, { middle: 5, low: 60 })
  expect([admission.take('middle'), admission.take('middle')]).toEqual([true, true])
})

test('of a small quota, work that has begun gets up to three tenths: a backlog must become final', () => {
  const { run, setQuota } = openLab()
  setQuota(4)
  run(5, { begun: 30, high: 70 })
  expect(run(30, { begun: 30, high: 70 }).of('begun')).toBeGreaterThan(0.9)
})

test('a dependency that was away is asked for as much as it takes, in the second in which it is back', () => {
  const lab = openLab()
  const { run, admission } = lab
  run(10, { high: 7 })
  outage(lab, 6)
  const first = run(1, { begun: 8, high: 17 })
  expect(first.taken).toBeGreaterThan(15)
  expect(admission.perSecond()).toBeGreaterThan(8)
  expect(run(1, { begun: 8, high: 7 }).of('high')).toBeGreaterThan(6)
})

test('a backlog of an outage is worked off, and hardly a newcomer is refused meanwhile', () => {
  const lab = openLab()
  const { run, admission } = lab
  run(10, { high: 7 })
  outage(lab, 6)
  const meanwhile = run(10, { begun: 8, high: 7 })
  expect(meanwhile.of('high')).toBeGreaterThan(6.5)
  expect(meanwhile.refused).toBeLessThan(0.8)
  expect(admission.perSecond()).toBeGreaterThan(8.5)
  expect(admission.perSecond()).toBeLessThan(11.5)
})

test('a rate that is known is not taken for another one after a pause', () => {
  const lab = openLab()
  const { run, admission } = lab
  run(10, { high: 70 })
  const known = admission.perSecond() ?? Number.NaN
  for (const seconds of [3, 6, 9]) {
    outage(lab, seconds)
    run(0.5, { begun: 8, high: 40 })
    expect(admission.perSecond()).toBeGreaterThan(0.75 * known)
    run(5, { high: 70 })
  }
})

test('what work that has begun does not need is open to all', () => {
  const { run } = openLab()
  run(5, { high: 70 })
  expect(run(30, { begun: 1, high: 70 }).of('high')).toBeGreaterThan(8.5)
})

test('a place that was given back serves another call', () => {
  let nowMs = 0
  const admission = learnedRate(limits, () => nowMs)
  admission.sent().refused()
  nowMs += 2_000
  expect(admission.take('high')).toBe(true)
  while (admission.take('high')) nowMs += 0
  admission.giveBack()
  expect(admission.take('high')).toBe(true)
  expect(admission.take('high')).toBe(false)
})

test('refusals of calls that were sent at an older rate do not lower the new one', () => {
  let nowMs = 0
  const admission = learnedRate(limits, () => nowMs)
  nowMs += 1_000
  const calls = Array.from({ length: 50 }, () => admission.sent())
  calls.pop()?.refused()
  const learned = admission.perSecond()
  nowMs += 500
  for (const call of calls) call.refused()
  expect(admission.perSecond()).toBe(learned)
})
