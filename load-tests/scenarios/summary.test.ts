import { expect, test } from 'vitest'
import type { Phase } from './profile.ts'
import { summaryOf } from './summary.ts'

const phases: Phase[] = [
  { name: 'steady', stages: [{ seconds: 10, fromPerSecond: 2, toPerSecond: 2 }] },
  { name: 'tenfold', stages: [{ seconds: 5, fromPerSecond: 20, toPerSecond: 20 }] },
]
const trend = { 'p(50)': 60, 'p(95)': 70, 'p(99)': 80, max: 90, min: 50, count: 4 }

test('there are figures for the whole run and for each phase, without the delay of the generator itself', () => {
  const summary = summaryOf('baseline', { run: 'r', seed: 1 }, phases, {
    metrics: {
      offered_intents: { values: { count: 120 } },
      'offered_intents{phase:tenfold}': { values: { count: 100 } },
      good_answers: { values: { count: 90 } },
      'good_answers{phase:tenfold}': { values: { count: 70 } },
      from_intended_start: { values: trend },
      'start_delay{scenario:employers}': { values: trend },
    },
  })
  expect(summary).toMatchObject({
    seconds: 15,
    offered: 120,
    good: 90,
    goodPerSecond: 6,
    dropped: 0,
    fromIntendedStartMs: { p50: 10, p95: 20, p99: 30, max: 40 },
    browse: { good: 0, fromIntendedStartMs: undefined },
  })
  expect(summary.phases[1]).toMatchObject({
    name: 'tenfold',
    startSeconds: 10,
    offered: 100,
    good: 70,
    goodPerSecond: 14,
    fromIntendedStartMs: undefined,
  })
})
