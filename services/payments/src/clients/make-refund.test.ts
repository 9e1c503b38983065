import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { expect, test } from 'vitest'
import { type Script, scriptedProvider } from '../../test/scripted-provider.ts'
import type { Refund } from '../domain/refund.ts'
import { makeRefundIdempotently } from './make-refund.ts'

const rules = { keyWindowMs: 1_000, keyMarginMs: 100 }
const create = 'POST /v1/refunds'
const list = 'GET /v1/refunds'
const read = 'GET /v1/refunds/re_1'

const refundAt = (status: string, changes: object = {}) => ({
  id: 're_1',
  status,
  amount: 500,
  metadata: { refund_id: 'r' },
  ...changes,
})
const answer = (body: object, status = 200) => ({ status, body })
const made = { kind: 'ok', value: { kind: 'made', providerRefundId: 're_1' } }
const pending = { kind: 'ok', value: { kind: 'pending' } }
const nothingLeft = answer({ error: { code: 'charge_already_refunded' } }, 400)
const madeByHand = refundAt('succeeded', { id: 're_9', metadata: {} })

async function makeRefundWith(script: Script, { ageMs = 0, attempt = 1 } = {}) {
  const { provider, requests, unusedPlaces } = scriptedProvider(script)
  const makeRefund = makeRefundIdempotently(provider, () => retryModeOf(ageMs, rules))
  const outcome = await makeRefund({ ...refund, attempt }, deadlineIn(1_000))
  return { outcome, requests, unusedPlaces: unusedPlaces() }
}

test('a refund that is pending at the provider is neither made nor an error', async () => {
  const { outcome } = await makeRefundWith({
    [create]: answer(refundAt('pending')),
    [read]: answer(refundAt('pending')),
  })
  expect(outcome).toEqual(pending)
})

test('the current state of a refund counts, not the one in the stored answer', async () => {
  const { outcome } = await makeRefundWith({
    [create]: answer(refundAt('pending')),
    [read]: answer(refundAt('succeeded')),
  })
  expect(outcome).toEqual(made)
})

test.each([
  ['larger than the rest', answer({ error: { param: 'amount' } }, 400)],
  ['of a charge that is refunded', nothingLeft],
])('a refund %s is made if our refund is among those of the charge', async (_, refusal) => {
  const lists = answer({ data: [madeByHand, refundAt('succeeded')], has_more: false })
  expect((await makeRefundWith({ [create]: refusal, [list]: lists })).outcome).toEqual(made)
})

test('a refund that was made by hand is not ours, so ours stays pending', async () => {
  const lists = answer({ data: [madeByHand], has_more: false })
  const { outcome } = await makeRefundWith({ [create]: nothingLeft, [list]: lists })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'nothing_left' })
})

test('a refund that failed at the provider stays pending', async () => {
  const failed = refundAt('failed')
  const { outcome } = await makeRefundWith({
    [create]: answer(refundAt('pending')),
    [read]: answer(failed),
    [list]: answer({ data: [failed], has_more: false }),
  })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'failed_at_provider' })
})

test('a failed refund is made if it was repeated by hand with our id', async () => {
  const failed = refundAt('failed')
  const again = refundAt('succeeded', { id: 're_2' })
  const { outcome } = await makeRefundWith({
    [create]: answer(refundAt('pending')),
    [read]: answer(failed),
    [list]: answer({ data: [again, failed], has_more: false }),
  })
  expect(outcome).toEqual({ kind: 'ok', value: { kind: 'made', providerRefundId: 're_2' } })
})

test('a refund with our id and another amount is not ours', async () => {
  const lists = answer({ data: [refundAt('succeeded', { amount: 499 })], has_more: false })
  const { outcome } = await makeRefundWith({ [list]: lists }, { ageMs: 1_000 })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'another_amount' })
})

test('after the key window a refund is sent again only if a search does not find it', async () => {
  const none = answer({ data: [], has_more: false })
  const script = { [create]: answer(refundAt('succeeded')), [list]: none }
  const waits = await makeRefundWith(script, { ageMs: 900 })
  expect([waits.outcome.kind, waits.requests, waits.unusedPlaces]).toEqual(['unknown', [list], 1])
  const sends = await makeRefundWith(script, { ageMs: 1_000 })
  expect([sends.outcome, sends.requests, sends.unusedPlaces]).toEqual([made, [list, create], 0])
})

test('after a stored 500 the refund is found by a search', async () => {
  const lists = answer({ data: [refundAt('succeeded')], has_more: false })
  const script = { [create]: answer({}, 500), [list]: lists }
  expect((await makeRefundWith(script, { attempt: 2 })).outcome).toEqual(made)
  expect((await makeRefundWith(script, { attempt: 1 })).outcome.kind).toBe('unknown')
})

const refund: Refund = {
  refundId: 'r',
  tenantId: 't',
  paymentId: 'p',
  providerPaymentId: 'pi_1',
  amountCents: 500,
  taxCents: 0,
  currency: 'EUR',
  reason: 'duplicate',
  status: 'pending',
  attempt: 1,
  createdAt: new Date(0),
}
