import { expect, test } from 'vitest'
import { refusalOf } from './refusals.ts'

const withCode = (code: string) => Object.assign(new Error('x'), { code })

/** A consumer gives such a record up, but an HTTP caller can come back with the request. */
test.each([
  '57014',
  '25P04',
  '40001',
  '40P01',
  '55P03',
  '53300',
  '25006',
  '28P01',
  '57P03',
  '08006',
])('PostgreSQL %s is a 503 that says when to come back, and never a 500', code => {
  const { status, retryAfterSeconds } = refusalOf(withCode(code), true)
  expect({ status, retryAfterSeconds }).toEqual({
    status: 503,
    retryAfterSeconds: expect.any(Number),
  })
})

test.each(['23505', '22P02', '42P01', 'XX000', 'P0001'])(
  'PostgreSQL %s is a mistake of ours, and asking again would not help',
  code => {
    expect(refusalOf(withCode(code), true)).toMatchObject({ status: 500 })
  },
)
