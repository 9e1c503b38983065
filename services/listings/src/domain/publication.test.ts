import { expect, test } from 'vitest'
import {
  checkPayment,
  isCertainlyNotBegun,
  type PayOutcome,
  type Publication,
  paid,
  published,
} from './publication.ts'

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

test.each<PayOutcome>([
  { kind: 'ok', value: { paymentId: 'p', status: 'pending' } },
  { kind: 'unknown', cause: new Error('timeout') },
  { kind: 'not-sent', cause: new Error('refused') },
  { kind: 'shed', retryAfterMs: 1_000 },
  { kind: 'bug', cause: new Error('400') },
])('a publication whose payment is open ($kind) stays pending', outcome => {
  expect(paid(publication, outcome)).toBeUndefined()
})

test.each<[PayOutcome, boolean]>([
  [{ kind: 'ok', value: { paymentId: 'p', status: 'pending' } }, false],
  [{ kind: 'rejected', reason: 'declined' }, false],
  [{ kind: 'unknown', cause: new Error('timeout') }, false],
  [{ kind: 'bug', cause: new Error('400') }, false],
  [{ kind: 'not-sent', cause: new Error('refused') }, true],
  [{ kind: 'shed', retryAfterMs: 1_000 }, true],
])('only a call that payments certainly did not begin may be taken back: %o', (outcome, is) => {
  expect(isCertainlyNotBegun(outcome)).toBe(is)
})

test('a withdrawn publication is not published by an event', () => {
  expect(published({ ...publication, status: 'withdrawn' }, 'p')).toBeUndefined()
})

test('a captured publication is published by the event of its own payment only', () => {
  const value = { paymentId: 'p', status: 'captured' } as const
  const captured = paid(publication, { kind: 'ok', value })
  expect(captured).toMatchObject({ status: 'captured', paymentId: 'p', cardToken: null })
  if (!captured) throw new Error('a captured payment settles the publication')
  expect(published(captured, 'p')).toMatchObject({ status: 'published', paymentId: 'p' })
  expect(published(captured, 'another')).toBeUndefined()
})

test('a declined publication cannot be published', () => {
  const declined = paid(publication, { kind: 'rejected', reason: 'declined' })
  expect(declined).toMatchObject({ status: 'declined', paymentId: null, cardToken: null })
  expect(declined && published(declined, 'p')).toBeUndefined()
})

const data = { listingId: 'listing', amountCents: 9_900, currency: 'EUR' }

test('a payment event with the right tenant, listing, amount and currency is accepted', () => {
  expect(checkPayment(publication, { tenantId: 'tenant', data }).kind).toBe('matches')
})

test.each([
  ['about an unknown publication', undefined, { tenantId: 'tenant', data }],
  ['with another tenant', publication, { tenantId: 'other', data }],
  ['with another listing', publication, { tenantId: 'tenant', data: { ...data, listingId: 'x' } }],
  ['with another amount', publication, { tenantId: 'tenant', data: { ...data, amountCents: 1 } }],
  [
    'with another currency',
    publication,
    { tenantId: 'tenant', data: { ...data, currency: 'JPY' } },
  ],
])('a payment event %s is refused', (_what, found, event) => {
  expect(checkPayment(found, event).kind).toBe('refused')
})
