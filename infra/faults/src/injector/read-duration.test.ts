import { expect, test } from 'vitest'
import { readDuration } from './read-duration.ts'

const maxMs = 3_600_000

test.each([
  ['500ms', 500],
  ['10s', 10_000],
  ['1.5m', 90_000],
  ['1h', maxMs],
])('%s is %i ms', (text, ms) => {
  expect(readDuration('--for', text, maxMs)).toBe(ms)
})

test.each(['', '10', '0s', '-1s', '2x', '61m', '1e9s', '10 s'])('%j is refused', text => {
  expect(() => readDuration('--for', text, maxMs)).toThrow('--for must be like 500ms, 10s or 2m')
})
