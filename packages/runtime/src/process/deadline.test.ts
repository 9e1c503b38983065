import { expect, test } from 'vitest'
import { deadlineIn, withinDeadline } from './deadline.ts'

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
