import { retryModeOf } from '@nightshift/patterns/unknown-outcome/retry-mode'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import { expect, test } from 'vitest'
import { type Script, scriptedProvider } from '../../test/scripted-provider.ts'
import type { Refund } from '../domain/refund.ts'
import { giveBackIdempotently } from './give-back.ts'

const rules = { keyWindowMs: 1_000, keyMarginMs: 100 }
const create = 'POST /v1/refunds'
const list = 'GET /v1/refunds'
const read = 'GET /v1/refunds/re_1'

const one = (status: string, changes: object = {}) => ({
  id: 're_1',
  status,
  amount: 500,
  metadata: { refund_id: 'r' },
  ...changes,
})
const said = (body: object, status = 200) => ({ status, body })
const made = { kind: 'ok', value: { kind: 'made', providerRefundId: 're_1' } }
const pending = { kind: 'ok', value: { kind: 'pending' } }
const nothingLeft = said({ error: { code: 'charge_already_refunded' } }, 400)
const byHand = one('succeeded', { id: 're_9', metadata: {} })

async function giveBack(script: Script, { ageMs = 0, attempt = 1 } = {}) {
  const { provider, asked } = scriptedProvider(script)
  const ask = giveBackIdempotently(provider, () => retryModeOf(ageMs, rules))
  return { outcome: await ask({ ...refund, attempt }, deadlineIn(1_000)), asked }
}

test('a refund that is pending at the provider is neither met nor a mistake', async () => {
  const { outcome } = await giveBack({
    [create]: said(one('pending')),
    [read]: said(one('pending')),
  })
  expect(outcome).toEqual(pending)
})

test('a refund that was pending when it was made, and is stored so, is read as it is now', async () => {
  const { outcome } = await giveBack({
    [create]: said(one('pending')),
    [read]: said(one('succeeded')),
  })
  expect(outcome).toEqual(made)
})

test.each([
  ['too much for what is left', said({ error: { param: 'amount' } }, 400)],
  ['of a charge that is refunded', nothingLeft],
])('a refund %s is met if ours is among those that were made', async (_, refusal) => {
  const lists = said({ data: [byHand, one('succeeded')], has_more: false })
  expect((await giveBack({ [create]: refusal, [list]: lists })).outcome).toEqual(made)
})

test('a refund that somebody made by hand is not ours: it stays owed', async () => {
  const lists = said({ data: [byHand], has_more: false })
  const { outcome } = await giveBack({ [create]: nothingLeft, [list]: lists })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'nothing_left' })
})

test('a refund that failed at the provider stays owed', async () => {
  const failed = one('failed')
  const { outcome } = await giveBack({
    ...{ [create]: said(one('pending')), [read]: said(failed) },
    [list]: said({ data: [failed], has_more: false }),
  })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'failed_at_provider' })
})

test('a refund that failed, and was made again in our name by hand, is met', async () => {
  const failed = one('failed')
  const again = one('succeeded', { id: 're_2' })
  const { outcome } = await giveBack({
    ...{ [create]: said(one('pending')), [read]: said(failed) },
    [list]: said({ data: [again, failed], has_more: false }),
  })
  expect(outcome).toEqual({ kind: 'ok', value: { kind: 'made', providerRefundId: 're_2' } })
})

test('a refund in our name over another amount is not taken for ours', async () => {
  const lists = said({ data: [one('succeeded', { amount: 499 })], has_more: false })
  const { outcome } = await giveBack({ [list]: lists }, { ageMs: 1_000 })
  expect(outcome).toEqual({ kind: 'rejected', reason: 'another_amount' })
})

test('beyond the window a refund is sent again only if nobody finds it, and not too soon', async () => {
  const none = said({ data: [], has_more: false })
  const script = { [create]: said(one('succeeded')), [list]: none }
  const waits = await giveBack(script, { ageMs: 900 })
  expect([waits.outcome.kind, waits.asked]).toEqual(['unknown', [list]])
  const sends = await giveBack(script, { ageMs: 1_000 })
  expect([sends.outcome, sends.asked]).toEqual([made, [list, create]])
})

test('a stored 500 is left aside, if the refund can be found', async () => {
  const lists = said({ data: [one('succeeded')], has_more: false })
  const script = { [create]: said({}, 500), [list]: lists }
  expect((await giveBack(script, { attempt: 2 })).outcome).toEqual(made)
  expect((await giveBack(script, { attempt: 1 })).outcome.kind).toBe('unknown')
})

const refund: Refund = {
  ...{ refundId: 'r', tenantId: 't', paymentId: 'p', providerPaymentId: 'pi_1' },
  ...{ amountCents: 500, taxCents: 0, currency: 'EUR', reason: 'duplicate', status: 'pending' },
  ...{ attempt: 1, createdAt: new Date(0) },
}
