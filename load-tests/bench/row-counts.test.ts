import { expect, test } from 'vitest'
import { contradictionsIn, type RowCounts } from './row-counts.ts'

const right: RowCounts = {
  payments: 3,
  captured: 3,
  posted: 3,
  unbalanced: 0,
  events: 3,
  answers: 3,
}
const all = { keys: true, outbox: true }

test('row counts do not contradict each other when there are as many of each as payments', () => {
  expect(contradictionsIn(right, all)).toEqual([])
})

test.each<[keyof RowCounts, number, string]>([
  ['captured', 2, '2 captured for 3 payments'],
  ['posted', 2, '2 posted for 3 payments'],
  ['posted', 4, '4 posted for 3 payments'],
  ['events', 2, '2 events for 3 payments'],
  ['answers', 2, '2 answers for 3 payments'],
  ['unbalanced', 1, '1 postings are not balanced'],
])('%s %i is a contradiction', (name, count, contradiction) => {
  expect(contradictionsIn({ ...right, [name]: count }, all)).toEqual([contradiction])
})

test('rows that a contender does not write are not missed', () => {
  const without = { ...right, events: 0, answers: 0 }
  expect(contradictionsIn(without, { keys: false, outbox: false })).toEqual([])
})
