import { expect, test } from 'vitest'
import { type ChargeOutcome, decide } from './payment.ts'

test('an answer of the provider is final', () => {
  expect(decide({ kind: 'ok', value: { providerPaymentId: 'pi_1' } })).toEqual({
    kind: 'captured',
    providerPaymentId: 'pi_1',
  })
  expect(decide({ kind: 'rejected', reason: 'card_declined' })).toEqual({
    kind: 'declined',
    reason: 'card_declined',
  })
})

test.each<ChargeOutcome>([
  { kind: 'unknown', cause: new Error('timeout') },
  { kind: 'not-sent', cause: new Error('refused') },
  { kind: 'shed', retryAfterMs: 1_000 },
  { kind: 'bug', cause: new Error('401') },
])('without an answer ($kind) a payment is never called failed', outcome => {
  expect(decide(outcome)).toEqual({ kind: 'ask_again' })
})
