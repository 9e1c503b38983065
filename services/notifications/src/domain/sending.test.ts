import { expect, test } from 'vitest'
import { decideSending, type SendOutcome } from './sending.ts'

const bounds = { attemptsMax: 130, copiesMax: 3 }
const first = { attempt: 1, copies: 1 }
const unknown: SendOutcome = { kind: 'unknown', cause: new Error('reset after DATA') }
const notSent: SendOutcome = { kind: 'not-sent', cause: new Error('refused') }
const shed: SendOutcome = { kind: 'shed', retryAfterMs: 1_000 }

test.each([
  [unknown, true],
  [notSent, false],
  [shed, false],
])('a mail without a final outcome is sent again (%j)', (outcome, mayHaveArrived) => {
  expect(decideSending(outcome, first, bounds)).toEqual({ kind: 'again', mayHaveArrived })
})

test('a mail that may have arrived three times is not sent again', () => {
  const verdict = decideSending(unknown, { attempt: 3, copies: 3 }, bounds)
  expect(verdict).toEqual({
    kind: 'failed',
    reason: 'unknown: the mail server may have accepted it 3 times and confirmed none',
  })
})

test('temporary refusals do not count as copies', () => {
  expect(decideSending(shed, { attempt: 129, copies: 3 }, bounds).kind).toBe('again')
  expect(decideSending(unknown, { attempt: 120, copies: 2 }, bounds).kind).toBe('again')
})

test('after the last attempt the mail fails with a reason', () => {
  expect(decideSending(notSent, { attempt: 130, copies: 1 }, bounds)).toEqual({
    kind: 'failed',
    reason: 'given up after 130 attempts',
  })
})

test('a mail that the server refuses for good is not sent again', () => {
  expect(decideSending({ kind: 'rejected', reason: 'refused' }, first, bounds).kind).toBe('failed')
})
