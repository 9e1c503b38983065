import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { expect, test } from 'vitest'
import { type Script, scriptedProvider } from '../../test/scripted-provider.ts'
import type { Payment } from '../domain/payment.ts'
import { captureOrVoidAtProvider } from './capture-or-void-at-provider.ts'
import { chargeIdempotently } from './charge.ts'

type ScriptedAnswer = NonNullable<Script[string]>

const rules = { keyWindowMs: 1_000, keyMarginMs: 100 }
const create = 'POST /v1/payment_intents'
const search = 'GET /v1/payment_intents/search'
const read = 'GET /v1/payment_intents/pi_1'

const feeOf = (fee: number) => ({ latest_charge: { balance_transaction: { fee } } })
const captured = { id: 'pi_1', status: 'succeeded', amount_received: 9_900 }
const capturedOutcome = (feeCents: number) => ({
  kind: 'ok',
  value: { kind: 'captured', providerPaymentId: 'pi_1', feeCents },
})
const storedError: ScriptedAnswer = { status: 500, body: { error: { type: 'api_error' } } }

async function chargeWith(script: Script, { ageMs = 0, attempt = 1 } = {}) {
  const { provider, requests, unusedPlaces } = scriptedProvider(script)
  const charge = chargeIdempotently(provider, () => retryModeOf(ageMs, rules))
  const outcome = await charge({ ...payment, attempt }, deadlineIn(1_000))
  return { outcome, requests, unusedPlaces: unusedPlaces() }
}

test('a fee that is missing in the answer is read from the provider and never guessed', async () => {
  const created = { status: 200, body: captured }
  const later = { status: 200, body: { ...captured, ...feeOf(164) } }
  expect((await chargeWith({ [create]: created, [read]: later })).outcome).toEqual(
    capturedOutcome(164),
  )
  expect((await chargeWith({ [create]: created, [read]: created })).outcome.kind).toBe('unknown')
})

test('a fee of 0 in the answer is accepted', async () => {
  const { outcome, requests } = await chargeWith({
    [create]: { status: 200, body: { ...captured, ...feeOf(0) } },
  })
  expect([outcome, requests]).toEqual([capturedOutcome(0), [create]])
})

test.each([
  ['nothing', ''],
  ['a page of a gateway', '<html>Too many requests</html>'],
])('a 429 with %s is a refusal, and no unknown outcome', async (_what, body) => {
  const { outcome } = await chargeWith({ [create]: { status: 429, body } })
  expect(outcome.kind).toBe('shed')
})

test('after a stored 500 the charge is found by a search', async () => {
  const found = { status: 200, body: { data: [{ ...captured, ...feeOf(164) }] } }
  const { outcome, requests } = await chargeWith(
    { [create]: storedError, [search]: found },
    { attempt: 2 },
  )
  expect([outcome, requests]).toEqual([capturedOutcome(164), [search]])
})

test('a search that finds nothing, or fails, does not keep a repetition from asking again', async () => {
  const created = { status: 200, body: { ...captured, ...feeOf(164) } }
  for (const searched of [{ status: 200, body: { data: [] } }, storedError]) {
    const { outcome, requests } = await chargeWith(
      { [create]: created, [search]: searched },
      { attempt: 2 },
    )
    expect([outcome, requests]).toEqual([capturedOutcome(164), [search, create]])
  }
})

test('a check that a search has finished uses no place of the quota, and one that asks again does', async () => {
  const charge = { ...captured, ...feeOf(164) }
  const created = { status: 200, body: charge }
  const found = { status: 200, body: { data: [charge] } }
  const none = { status: 200, body: { data: [] } }
  const unusedWith = async (searched: ScriptedAnswer, about: Parameters<typeof chargeWith>[1]) =>
    (await chargeWith({ [create]: created, [search]: searched }, about)).unusedPlaces
  expect(await unusedWith(found, { attempt: 2 })).toBe(1)
  expect(await unusedWith(none, { attempt: 2 })).toBe(0)
  expect(await unusedWith(storedError, { attempt: 2 })).toBe(0)
  expect(await unusedWith(found, { attempt: 1 })).toBe(0)
  for (const searched of [found, none, storedError]) {
    expect(await unusedWith(searched, { ageMs: 900 })).toBe(1)
  }
})

test('after a stored 500 without a charge the outcome stays open', async () => {
  const none = { status: 200, body: { data: [] } }
  const { outcome } = await chargeWith({ [create]: storedError, [search]: none }, { attempt: 2 })
  expect(outcome.kind).toBe('unknown')
})

test.each([
  [900, { kind: 'unknown' }],
  [1_000, { kind: 'rejected', reason: 'expired' }],
])('after %i of 1000 ms of the key window, no charge is sent', async (ageMs, expected) => {
  const { outcome, requests } = await chargeWith(
    { [search]: { status: 200, body: { data: [] } } },
    { ageMs },
  )
  expect(outcome).toMatchObject(expected)
  expect(requests).toEqual([search])
})

test('a failing look-up settles no payment, not even an old one', async () => {
  const { outcome } = await chargeWith({ [search]: storedError }, { ageMs: 1_000_000 })
  expect(outcome.kind).toBe('unknown')
})

test('of several intents of a payment, the one that moved money decides', async () => {
  const declined = { id: 'pi_2', status: 'requires_payment_method', last_payment_error: {} }
  const data = [declined, { ...captured, ...feeOf(164) }]
  const { outcome } = await chargeWith(
    { [search]: { status: 200, body: { data } } },
    { ageMs: 1_000 },
  )
  expect(outcome).toEqual(capturedOutcome(164))
})

test('a failed capture of money that is still authorized has an unknown outcome', async () => {
  const authorized = { status: 200, body: { id: 'pi_1', status: 'requires_capture' } }
  const { provider, requests } = scriptedProvider({
    'POST /v1/payment_intents/pi_1/capture': storedError,
    [read]: authorized,
  })
  const captureOrVoid = captureOrVoidAtProvider(provider)
  const before = { ...payment, status: 'authorized', providerPaymentId: 'pi_1' } as const
  expect((await captureOrVoid(before, 'capture', deadlineIn(1_000))).kind).toBe('unknown')
  expect(requests).toContain(read)
})

const payment: Payment = {
  paymentId: 'p',
  tenantId: 't',
  listingId: 'l',
  publicationId: 'u',
  amountCents: 9_900,
  taxCents: 0,
  currency: 'EUR',
  captureMethod: 'automatic',
  status: 'pending',
  declineReason: null,
  requestedAction: null,
  providerPaymentId: null,
  refundedCents: 0,
  cardToken: 'pm_card_visa',
  version: 1,
  attempt: 1,
  createdAt: new Date(0),
}
