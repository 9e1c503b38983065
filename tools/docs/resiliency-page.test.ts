import { expect, test } from 'vitest'
import { resiliencyPage } from './resiliency-page.ts'

const rowOf = (dependency: string, state: string) => ({
  name: `${dependency} ${state}`,
  dependency,
  state,
  why: `${dependency} is asked last.`,
})
const cellOf = (row: string, column: string, answer: string, waitMs: number) => ({
  row,
  column,
  outcome: 'survived',
  answer,
  waitMs,
})
const result = {
  name: 'resiliency-matrix',
  kind: 'grid',
  title: 'All break',
  outcome: 'proved',
  arms: { with: { median: { survived: 5, cells: 6 }, range: {} } },
  grid: {
    rows: [rowOf('Kafka', 'down'), rowOf('Redis', 'down'), rowOf('Kafka', 'slow')],
    columns: ['pay', 'go live'],
    cells: [
      cellOf('Kafka down', 'pay', 'works', 32),
      { ...cellOf('Kafka down', 'go live', 'later', 5_200), afterHealMs: 1_240 },
      cellOf('Redis down', 'pay', 'refused', 8),
      { ...cellOf('Redis down', 'go live', 'broken', 60_000), outcome: 'broken' },
      cellOf('Kafka slow', 'pay', 'queued', 2_040),
      cellOf('Kafka slow', 'go live', 'slower', 3_960),
    ],
  },
}
const lines = resiliencyPage(result).split('\n')

test('a row has the answers to the users with their waits, and what is broken stands out', () => {
  expect(lines).toContain('| Kafka | works 0.03 s | later 1.2 s |')
  expect(lines).toContain('| Redis | refused 0.01 s | **broken** 60.0 s |')
})

test('each state has a table of its own', () => {
  expect(lines.filter(line => /^\| (down|slow) \|/.test(line))).toEqual([
    '| down | pay | go live |',
    '| slow | pay | go live |',
  ])
  expect(lines.indexOf('| Kafka | queued 2.0 s | slower 4.0 s |')).toBeGreaterThan(
    lines.indexOf('| slow | pay | go live |'),
  )
})

test('each dependency has its reason once', () => {
  expect(lines.filter(line => line === '- **Kafka**: Kafka is asked last.')).toHaveLength(1)
})

test('the caption has the counts of the result', () => {
  expect(lines).toContain(
    'All break ([resiliency-matrix](../load-tests/results/resiliency-matrix.json)): 5 of 6 cases are as expected.',
  )
})

test('without a result the page has its introduction', () => {
  expect(resiliencyPage(undefined)).toMatch(/^# Resiliency matrix\n/)
})
