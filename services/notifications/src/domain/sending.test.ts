import { expect, test } from 'vitest'
import { decideSending, type SendOutcome } from './sending.ts'

test.each<SendOutcome>([
  { kind: 'unknown', cause: new Error('reset after DATA') },
  { kind: 'not-sent', cause: new Error('refused') },
  { kind: 'shed', retryAfterMs: 1_000 },
])('a mail is not given up while its outcome is open ($kind)', outcome => {
  expect(decideSending(outcome, 0, 3)).toEqual({ kind: 'again' })
})

test('the last attempt ends in a written reason, never in silence', () => {
  const outcome: SendOutcome = { kind: 'not-sent', cause: new Error('refused') }
  expect(decideSending(outcome, 2, 3)).toEqual({
    kind: 'failed',
    reason: 'given up after 3 attempts',
  })
})

test('a final no of the mail server is not asked again', () => {
  expect(decideSending({ kind: 'rejected', reason: 'refused' }, 0, 3).kind).toBe('failed')
})
