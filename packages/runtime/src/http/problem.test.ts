import { Problem } from '@nightshift/contracts/problem'
import { Check } from 'typebox/value'
import { expect, test } from 'vitest'
import { jitteredRetryAfterSeconds, problemOf } from './problem.ts'

const refusal = { status: 409, slug: 'request-in-progress', title: 'Still at work' }

test('a problem has type, title, status and instance, and nothing that the refusal does not have', () => {
  expect(problemOf(refusal, 'request-1')).toEqual({
    type: '/problems/request-in-progress',
    title: 'Still at work',
    status: 409,
    instance: 'request-1',
  })
})

test('a problem with every member fits its contract', () => {
  const problem = problemOf(
    {
      ...refusal,
      detail: 'Later.',
      errors: [{ pointer: '/a', message: 'is missing' }],
      members: { paymentId: '01890a5d-ac96-774b-bcce-b302099a8057' },
      retryAfterSeconds: 2,
    },
    'request-1',
  )
  expect(Check(Problem, problem)).toBe(true)
  expect(problem).toHaveProperty('paymentId')
  expect(problem).not.toHaveProperty('retryAfterSeconds')
  expect(problem).not.toHaveProperty('slug')
})

test('refused callers come back at different times, and soon', () => {
  const seconds = new Set(Array.from({ length: 200 }, jitteredRetryAfterSeconds))
  expect([...seconds].sort()).toEqual([1, 2, 3, 4])
})
