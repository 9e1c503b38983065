import { finality } from '@nightshift/contracts/payment-finality'
import type { PaymentStatus } from '@nightshift/contracts/payments-http'
import { expect, test } from 'vitest'
import { type Payment, type Settlement, settled, settlementOf, transitions } from './payment.ts'

const providerPaymentId = 'pi_1'
const statuses = Object.keys(transitions) as PaymentStatus[]

const settlements: readonly Settlement[] = [
  { kind: 'authorized', providerPaymentId },
  { kind: 'captured', providerPaymentId, feeCents: 25 },
  { kind: 'voided', providerPaymentId },
  { kind: 'declined', reason: 'card_declined' },
]

test('a charge that happened or was refused settles the payment', () => {
  const captured = { kind: 'captured', providerPaymentId, feeCents: 25 } as const
  expect(settlementOf({ kind: 'happened', value: captured })).toEqual(settlements[1])
  const authorized = { kind: 'authorized', providerPaymentId } as const
  expect(settlementOf({ kind: 'happened', value: authorized })).toEqual(settlements[0])
  expect(settlementOf({ kind: 'refused', reason: 'card_declined' })).toEqual(settlements[3])
})

test('an open outcome settles nothing', () => {
  expect(settlementOf({ kind: 'open' })).toBeUndefined()
})

test.each(statuses)('%s is answered with 202 if and only if its outcome is open', status => {
  const { answer, isAnswered } = finality[status]
  expect(isAnswered).toBe(answer !== 202)
})

test.each(statuses)('a payment that is %s only makes the transitions of the table', status => {
  for (const settlement of settlements) {
    const become = () => settled(paymentOf(status), settlement)
    if (transitions[status].includes(settlement.kind)) {
      expect(become()).toMatchObject({ status: settlement.kind, cardToken: null, version: 4 })
    } else {
      expect(become).toThrow(`does not become ${settlement.kind}`)
    }
  }
})

function paymentOf(status: PaymentStatus): Payment {
  return {
    paymentId: 'p',
    tenantId: 't',
    listingId: 'l',
    publicationId: 'u',
    amountCents: 9_900,
    taxCents: 0,
    currency: 'EUR',
    captureMethod: 'automatic',
    status,
    declineReason: null,
    requestedAction: null,
    providerPaymentId: null,
    refundedCents: 0,
    cardToken: 'pm_card_visa',
    version: 3,
    attempt: 1,
    createdAt: new Date(0),
  }
}
