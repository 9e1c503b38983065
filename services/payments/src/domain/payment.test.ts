import { expect, test } from 'vitest'
import { decide } from './payment.ts'

test('what happened and what was refused is final', () => {
  expect(decide({ kind: 'happened', value: { providerPaymentId: 'pi_1' } })).toEqual({
    kind: 'captured',
    providerPaymentId: 'pi_1',
  })
  expect(decide({ kind: 'refused', reason: 'card_declined' })).toEqual({
    kind: 'declined',
    reason: 'card_declined',
  })
})

test('while the outcome is open a payment is never called failed', () => {
  expect(decide({ kind: 'open' })).toEqual({ kind: 'ask_again' })
})
