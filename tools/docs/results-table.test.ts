import { expect, test } from 'vitest'
import { describeArm, renderResults } from './results-table.ts'

const result = {
  name: 'outbox',
  kind: 'experiment',
  title: 'It dies',
  outcome: 'proved',
  shows: { figure: 'eventsLost', of: 'payments', unit: 'events lost' },
  arms: {
    naive: {
      median: { eventsLost: 7, payments: 40 },
      range: { eventsLost: [5, 9] as [number, number] },
    },
    with: {
      median: { eventsLost: 0, payments: 40 },
      range: { eventsLost: [0, 0] as [number, number] },
    },
  },
}

test('a row has the medians, the ranges and a link to the result', () => {
  expect(renderResults([result]).split('\n').at(-1)).toBe(
    '| It dies | 7 of 40 events lost (5 to 9) | 0 of 40 events lost (0 to 0) | [outbox](load-tests/results/outbox.json) |',
  )
})

test('an arm that a matrix does not have is a dash', () => {
  expect(describeArm({ ...result, arms: { with: result.arms.with } }, 'naive')).toBe('–')
})

test('a result of another kind has no row', () => {
  expect(renderResults([{ ...result, kind: 'grid' }]).split('\n')).toHaveLength(2)
})
