import { expect, test } from 'vitest'
import { budgetFromHeader, deadlineIn, withinDeadline } from './deadline.ts'

test('a larger budget does not extend a deadline, a smaller one shortens it', () => {
  const deadline = deadlineIn(1_000)
  expect(withinDeadline(deadline, 60_000).remainingMs()).toBeLessThanOrEqual(1_000)
  expect(withinDeadline(deadline, 10).remainingMs()).toBeLessThanOrEqual(10)
  expect(withinDeadline(withinDeadline(deadline, 10), 500).remainingMs()).toBeLessThanOrEqual(10)
})

test('what remains only ever shrinks, and never below zero', () => {
  const deadline = deadlineIn(2)
  let before = deadline.remainingMs()
  expect(before).toBeLessThanOrEqual(2)
  while (before > 0) {
    const now = deadline.remainingMs()
    expect(now).toBeLessThanOrEqual(before)
    before = now
  }
  expect(deadline.remainingMs()).toBe(0)
})

test.each([0, -1, -60_000])('a budget of %i ms is already over', budgetMs => {
  expect(deadlineIn(budgetMs).remainingMs()).toBe(0)
})

test('nothing that is derived from a deadline that is over has any time', () => {
  expect(withinDeadline(deadlineIn(0), 1_000).remainingMs()).toBe(0)
})

test.each([
  ['1', 1],
  ['0', 0],
  ['2999', 2_999],
])('a caller may ask for less: %s', (header, expected) => {
  expect(budgetFromHeader(header, 3_000)).toBe(expected)
})

test.each(['3001', '9999999'])('a caller can not ask for more: %s', header => {
  expect(budgetFromHeader(header, 3_000)).toBe(3_000)
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
  expect(budgetFromHeader(header, 3_000)).toBe(3_000)
})
