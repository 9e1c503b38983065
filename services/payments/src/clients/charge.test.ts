import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { expect, test } from 'vitest'
import { type Script, scriptedProvider } from '../../test/scripted-provider.ts'
import type { Payment } from '../domain/payment.ts'
import { captureOrVoidAtProvider } from './capture-or-void-at-provider.ts'
import { chargeIdempotently } from './charge.ts'

const rules = { keyWindowMs: 1_000, keyMarginMs: 100 }
const create = 'POST /v1/payment_intents'
const search = 'GET /v1/payment_intents/search'
const read = 'GET /v1/payment_intents/pi_1'

const feeOf = (fee: number) => ({ latest_charge: { balance_transaction: { fee } } })
const captured = { id: 'pi_1', status: 'succeeded', amount_received: 9_900 }
const taken = (feeCents: number) => ({
  kind: 'ok',
  value: { kind: 'captured', providerPaymentId: 'pi_1', feeCents },
})
const storedError = { status: 500, body: { error: { type: 'api_error' } } }

async function charge(script: Script, { ageMs = 0, attempt = 1 } = {}) {
  const { provider, asked } = scriptedProvider(script)
  const ask = chargeIdempotently(provider, () => retryModeOf(ageMs, rules))
  return { outcome: await ask({ ...payment, attempt }, deadlineIn(1_000)), asked }
}

test('a fee that is not in the answer is read, and is never made up', async () => {
  const created = { status: 200, body: captured }
  const later = { status: 200, body: { ...captured, ...feeOf(164) } }
  expect((await charge({ [create]: created, [read]: later })).outcome).toEqual(taken(164))
  expect((await charge({ [create]: created, [read]: created })).outcome.kind).toBe('unknown')
})

test('a fee of 0 that is said is a fee', async () => {
  const { outcome, asked } = await charge({
    [create]: { status: 200, body: { ...captured, ...feeOf(0) } },
  })
  expect([outcome, asked]).toEqual([taken(0), [create]])
})

test('a stored 500 is left aside, if what was done can be found', async () => {
  const found = { status: 200, body: { data: [{ ...captured, ...feeOf(164) }] } }
  const { outcome, asked } = await charge(
    { [create]: storedError, [search]: found },
    { attempt: 2 },
  )
  expect([outcome, asked]).toEqual([taken(164), [create, search]])
})

test('a stored 500 of which nothing is found stays open', async () => {
  const none = { status: 200, body: { data: [] } }
  const { outcome } = await charge({ [create]: storedError, [search]: none }, { attempt: 2 })
  expect(outcome.kind).toBe('unknown')
})

test.each([
  [900, { kind: 'unknown' }],
  [1_000, { kind: 'rejected', reason: 'expired' }],
])('after %i of 1000 ms nothing is sent under the key', async (ageMs, expected) => {
  const { outcome, asked } = await charge(
    { [search]: { status: 200, body: { data: [] } } },
    { ageMs },
  )
  expect(outcome).toMatchObject(expected)
  expect(asked).toEqual([search])
})

test('a look-up that is not answered is no end, however old the payment is', async () => {
  const { outcome } = await charge({ [search]: storedError }, { ageMs: 1_000_000 })
  expect(outcome.kind).toBe('unknown')
})

test('of several intents of a payment, the one that moved money is believed', async () => {
  const declined = { id: 'pi_2', status: 'requires_payment_method', last_payment_error: {} }
  const data = [declined, { ...captured, ...feeOf(164) }]
  const { outcome } = await charge({ [search]: { status: 200, body: { data } } }, { ageMs: 1_000 })
  expect(outcome).toEqual(taken(164))
})

test('a capture that fails, of money that is still held, has not happened', async () => {
  const held = { status: 200, body: { id: 'pi_1', status: 'requires_capture' } }
  const { provider, asked } = scriptedProvider({
    'POST /v1/payment_intents/pi_1/capture': storedError,
    [read]: held,
  })
  const carryOut = captureOrVoidAtProvider(provider)
  const hold = { ...payment, status: 'authorized', providerPaymentId: 'pi_1' } as const
  expect((await carryOut(hold, 'capture', deadlineIn(1_000))).kind).toBe('unknown')
  expect(asked).toContain(read)
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
