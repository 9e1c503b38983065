import { expect, test } from 'vitest'
import { renderTable } from './table.ts'

test('columns are as wide as their widest cell, and no line ends in spaces', () => {
  const table = renderTable([
    { name: 'payments', pid: 7, note: '' },
    { name: 'x', pid: 12345, note: 'restarted' },
  ])
  expect(table.split('\n')).toEqual([
    'name        pid  note',
    'payments      7',
    'x         12345  restarted',
  ])
})

test('no rows are no table', () => {
  expect(renderTable([])).toBe('')
})
