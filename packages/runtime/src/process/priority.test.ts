import { expect, test } from 'vitest'
import { asksAgain } from './priority.ts'

test('a client that says how often it was refused asks again', () => {
  expect(asksAgain({ headers: { 'x-retry-attempt': '3' } })).toBe(true)
  expect(asksAgain({ headers: {} })).toBe(false)
})

test.each(['0', '-1', '1; drop', '1000', ''])(
  'a number of attempts like "%s" is none',
  attempts => {
    expect(asksAgain({ headers: { 'x-retry-attempt': attempts } })).toBe(false)
  },
)
