import { expect, test } from 'vitest'
import { callersBudget } from './deadline.ts'
import { ownBudget } from './naive.ts'

test.each([
  ['50', 0],
  ['0', 0],
  ['51', 1],
  ['2999', 2_949],
])('a caller may ask for less: %s', (header, expected) => {
  expect(callersBudget(header, 3_000)).toBe(expected)
})

test.each(['3050', '9999999'])('a caller can not ask for more: %s', header => {
  expect(callersBudget(header, 3_000)).toBe(3_000)
})

test.each([
  ['nothing', undefined],
  ['an empty one', ''],
  ['a negative one', '-1'],
  ['a fraction', '1.5'],
  ['another notation', '0x10'],
  ['an exponent', '1e9'],
  ['blanks', ' 5 '],
  ['words', 'soon'],
  ['more digits than any budget has', '9'.repeat(400)],
  ['two at once', '5, 6'],
  ['a list', ['5', '6']],
  ['digits of another script', '٥'],
])('%s is not believed: our own budget counts', (_what, header) => {
  expect(callersBudget(header, 3_000)).toBe(3_000)
})

test.each(['1', '5', 'soon', undefined])('the naive version does not read %s', header => {
  expect(ownBudget(header, 3_000)).toBe(3_000)
})
