import { expect, test } from 'vitest'
import { comparedIn, comparisonIn, type ExperimentResult } from './committed-results.ts'

const result: ExperimentResult = {
  name: 'outbox',
  kind: 'experiment',
  title: 'Killed between COMMIT and publish',
  pattern: 'outbox',
  hypothesis: 'No event is lost.',
  commit: 'abc',
  date: '2026-11-30T00:00:00.000Z',
  outcome: 'proved',
  shows: { figure: 'lost', of: 'events', unit: 'events lost' },
  arms: {
    naive: { rounds: [{}, {}], median: { lost: 9, events: 43 }, range: { lost: [7, 11] } },
    with: { rounds: [{}, {}], median: { lost: 0, events: 44 }, range: { lost: [0, 0] } },
  },
}

test('both arms have their figure, its whole and its range', () => {
  expect(comparedIn(result, new Set([result.name]))).toMatchObject({
    unit: 'events lost',
    hasReplay: true,
    committed: {
      rounds: 2,
      naive: { value: 9, of: 43, least: 7, most: 11 },
      with: { value: 0, of: 44, least: 0, most: 0 },
    },
  })
})

test('a result without a naive arm or without a figure compares nothing', () => {
  const { naive: _naive, ...others } = result.arms
  expect(comparisonIn({ ...result, arms: others })).toBeUndefined()
  const { shows: _shows, ...without } = result
  expect(comparedIn(without, new Set())).toBeUndefined()
})
