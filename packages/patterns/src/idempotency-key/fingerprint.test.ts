import { expect, test } from 'vitest'
import { fingerprintOf } from './fingerprint.ts'

test('neither the order of fields nor an undefined field changes the fingerprint', () => {
  const one = fingerprintOf('POST /x', { a: 1, b: { c: [1, 2], d: 'x' } })
  const two = fingerprintOf('POST /x', { b: { d: 'x', c: [1, 2], e: undefined }, a: 1 })
  expect(one.equals(two)).toBe(true)
})

test.each([
  ['another value', { a: 2 }],
  ['another type', { a: '1' }],
  ['one field more', { a: 1, b: 1 }],
  ['another nesting', { a: [1] }],
  ['nothing in it', null],
])('a body with %s is another request', (_what, body) => {
  expect(fingerprintOf({ a: 1 }).equals(fingerprintOf(body))).toBe(false)
})

test('the order of elements in an array matters', () => {
  expect(fingerprintOf([1, 2]).equals(fingerprintOf([2, 1]))).toBe(false)
})

test('the boundary between two parts matters', () => {
  expect(fingerprintOf('a', 'bc').equals(fingerprintOf('ab', 'c'))).toBe(false)
})
