import { expect, test } from 'vitest'
import { renderGrid } from './matrix-table.ts'

const cell = (column: string, outcome: string, answer = 'paid') => ({
  row: 'pay.begin@listings',
  column,
  outcome,
  answer,
})
const figures = { survived: 2, cells: 3, medianRecoveryMs: 6_040, maxRecoveryMs: 9_960 }
const lines = renderGrid(
  {
    rows: [{ name: 'pay.begin@listings', label: 'pay.begin', owner: 'listings' }],
    columns: ['ok', 'decline', 'late', 'slow'],
    cells: [
      cell('ok', 'survived'),
      cell('decline', 'survived', 'declined'),
      cell('late', 'broken'),
      cell('slow', 'impossible'),
    ],
  },
  figures,
  'Deaths',
).split('\n')

test('a row says what the client was told, and where a cell is broken', () => {
  expect(lines).toContain('| `pay.begin` | listings | paid | declined | **broken** |  |')
})

test('what is below it explains a refund only where there is one', () => {
  expect(lines.at(-1)).not.toContain('*refunded*')
  const row = { name: 'refund.begin@payments', label: 'refund.begin', owner: 'payments' }
  const cells = [{ row: row.name, column: 'ok', outcome: 'survived', answer: 'refunded' }]
  const table = renderGrid({ rows: [row], columns: ['ok'], cells }, figures, 'Deaths').split('\n')
  expect(table).toContain('| `refund.begin` | payments | refunded |')
  expect(table.at(-1)).toContain('*refunded*')
})

test('what is above it is counted and measured, and is right as long as the result is', () => {
  expect(lines[0]).toMatch(/^Deaths: 2 of 3 deaths survived; .*6\.0 s later .*at most 10\.0 s/)
})
