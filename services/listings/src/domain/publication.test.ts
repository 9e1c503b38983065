import { expect, test } from 'vitest'
import { checkPayment, decide, type PayOutcome, type Publication } from './publication.ts'

test.each<PayOutcome>([
  { kind: 'ok', value: { paymentId: 'p', status: 'pending' } },
  { kind: 'unknown', cause: new Error('timeout') },
  { kind: 'not-sent', cause: new Error('refused') },
  { kind: 'shed', retryAfterMs: 1_000 },
  { kind: 'bug', cause: new Error('400') },
])('a publication whose payment is open ($kind) stays pending', outcome => {
  expect(decide(outcome)).toEqual({ kind: 'ask_again' })
})

const publication: Publication = {
  publicationId: 'pub',
  listingId: 'listing',
  tenantId: 'tenant',
  plan: 'basic',
  amountCents: 9_900,
  currency: 'EUR',
  status: 'pending',
  paymentId: null,
  cardToken: 'pm_card_visa',
  attempt: 1,
}
const data = { listingId: 'listing', amountCents: 9_900, currency: 'EUR' }

test('a payment of the right tenant, listing, amount and currency counts', () => {
  expect(checkPayment(publication, { tenantId: 'tenant', data }).kind).toBe('matches')
})

test.each([
  ['for a publication that is not there', undefined, { tenantId: 'tenant', data }],
  ['of another tenant', publication, { tenantId: 'other', data }],
  ['of another listing', publication, { tenantId: 'tenant', data: { ...data, listingId: 'x' } }],
  ['of another amount', publication, { tenantId: 'tenant', data: { ...data, amountCents: 1 } }],
  ['in another currency', publication, { tenantId: 'tenant', data: { ...data, currency: 'JPY' } }],
])('a payment %s puts nothing live', (_why, found, event) => {
  expect(checkPayment(found, event).kind).toBe('refused')
})
