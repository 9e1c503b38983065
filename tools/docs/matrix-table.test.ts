import { expect, test } from 'vitest'
import { renderMatrix } from './matrix-table.ts'

const caseOf = (column: string, outcome: string, answer = 'paid') => ({
  row: 'pay.begin@listings',
  column,
  outcome,
  answer,
})
const figures = { survived: 2, cells: 3, medianRecoveryMs: 6_040, maxRecoveryMs: 9_960 }
const lines = renderMatrix(
  {
    rows: [{ name: 'pay.begin@listings', label: 'pay.begin', owner: 'listings' }],
    columns: ['ok', 'decline', 'late', 'slow'],
    cells: [
      caseOf('ok', 'survived'),
      caseOf('decline', 'survived', 'declined'),
      caseOf('late', 'broken'),
      caseOf('slow', 'impossible'),
    ],
  },
  figures,
  'Deaths',
).split('\n')

test('a row has the answers to the client, and the cases that are broken', () => {
  expect(lines).toContain('| `pay.begin` | listings | paid | declined | **broken** |  |')
})

test('the legend explains a refund only if there is one', () => {
  expect(lines.at(-1)).not.toContain('*refunded*')
  const row = { name: 'refund.begin@payments', label: 'refund.begin', owner: 'payments' }
  const cells = [{ row: row.name, column: 'ok', outcome: 'survived', answer: 'refunded' }]
  const table = renderMatrix({ rows: [row], columns: ['ok'], cells }, figures, 'Deaths').split('\n')
  expect(table).toContain('| `refund.begin` | payments | refunded |')
  expect(table.at(-1)).toContain('*refunded*')
})

test('the caption has the counts and the times of the result', () => {
  expect(lines[0]).toMatch(/^Deaths: 2 of 3 deaths survived; .*6\.0 s later .*at most 10\.0 s/)
})
