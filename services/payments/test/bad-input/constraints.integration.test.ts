import { as, call } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type OpenPayments, openPayments } from '../open-payments.ts'
import { newKey, paymentOf } from '../payment-of.ts'

let payments: OpenPayments

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
})
afterAll(() => payments[Symbol.asyncDispose]())

function pay(body: object, key = newKey()) {
  const { system } = payments
  return call('POST', `${system.urls.payments}/v1/payments`, {
    headers: as(system, 'acme', key),
    body: paymentOf(body),
  })
}

/**
 * A rule between two fields that only the database checks would be a 500, and slow a batch down.
 */
test.each([
  ['more than the amount', { amountCents: 4_900, taxCents: 5_000 }],
  ['all of the amount', { amountCents: 4_900, taxCents: 4_900 }],
  ['all of the smallest amount', { amountCents: 50, taxCents: 50 }],
  ['the largest possible tax', { amountCents: 50, taxCents: 99_999_998 }],
])('a tax that is %s is refused, and the key stays unused', async (_what, body) => {
  const key = newKey()
  const refused = await pay(body, key)
  expect(refused.status).toBe(422)
  expect(refused.json.errors).toEqual([
    { pointer: '/taxCents', message: 'must be below amountCents' },
  ])
  expect((await pay({ amountCents: 4_900, taxCents: 4_899 }, key)).status).toBe(201)
})

/**
 * Why no request can violate each constraint. Before a new constraint is added here, find what
 * refuses a bad request earlier: a request that reaches the constraint gets a 500.
 */
const enforcedBefore: Readonly<Record<string, string>> = {
  payments_amount_cents_check: 'schema: amountCents is 1 or more',
  payments_capture_method_check: 'schema: an enumeration',
  payments_tax_cents_check: 'schema: taxCents is 0 or more',
  payments_tax_is_a_part: 'route: tax-range',
  payments_refunded_cents_check: 'statement: only a refund changes it, by a positive amount',
  payments_refunds_covered: 'statement: reserve_for_refund',
  payments_status_known: 'type PaymentStatus',
  payments_provider_known: 'domain: a settlement names the payment of the provider',
  payments_token_forgotten: 'statement: the token is cleared with the state',
  payments_requested_action_check: 'type: capture or void',
  payments_work_left: 'statements: next_check_at is cleared with the state',
  payments_key_whole: 'both come from one request',
  payments_decline_explained: 'domain: a decline has a reason',
  payments_pkey: 'an id of ours, random',
  payments_of_tenant: 'an id of ours, random',
  payments_provider_payment_id_key: 'the provider gives an id once; its key is derived from ours',
  payments_by_key: 'claim_payments: ON CONFLICT DO NOTHING',
  refunds_amount_cents_check: 'schema: amountCents is 1 or more; the rest is above 0',
  refunds_check: 'domain: taxOfRefund rounds down a share below one',
  refunds_check1: 'both come from one request',
  refunds_check2: 'statement: record_refund_made sets both',
  refunds_check3: 'statement: record_refund_made clears it',
  refunds_status_check: 'type: pending or succeeded',
  refunds_tenant_id_payment_id_fkey: 'claim: the payment is locked first',
  refunds_pkey: 'an id of ours, random',
  refunds_provider_refund_id_key: 'the provider gives an id once; its key is derived from ours',
  refunds_by_key: 'claim_key_of_refunds: only a key without a refund is claimed',
  ledger_transactions_source_check: 'type: capture or refund',
  ledger_transactions_pkey: 'an identity',
  ledger_transactions_source_source_id_key: 'ON CONFLICT DO NOTHING',
  ledger_balances: 'domain: entries sum to zero',
  ledger_entries_account_check: 'type Account',
  ledger_entries_amount_cents_check: 'domain: withoutZeros',
  ledger_entries_pkey: 'domain: an account once',
  statement_lines_pkey: 'no request writes to it: add_statement_lines, one process at a time',
  statement_lines_transaction_id_key: 'no request writes to it: each posting is reached once',
  statement_position_pkey: 'no request writes to it',
  statement_position_only_row_check: 'no request writes to it',
  idempotency_keys_pkey: 'ON CONFLICT',
  idempotency_keys_subject_id_key: 'an id of ours, random',
  outbox_pkey: 'an identity',
  outbox_lane_pkey: 'no request writes to it',
  outbox_lane_only_row_check: 'no request writes to it',
  provider_webhooks_pkey: 'record_webhook_once: ON CONFLICT DO NOTHING',
  api_keys_pkey: 'no route writes keys',
  api_keys_slot_check: 'no route writes keys',
  api_keys_two_in_use: 'no route writes keys',
}

test('no request can violate a constraint of the database', async () => {
  const { rows } = await payments.db.query<{ name: string }>(
    `SELECT conname AS name FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
     WHERE t.relnamespace = 'public'::regnamespace AND contype <> 'n'
       AND t.relname <> 'schema_migrations'
     UNION SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
     WHERE i.relnamespace = 'public'::regnamespace AND x.indisunique
       AND i.relname NOT LIKE 'schema_migrations%'`,
  )
  expect(rows.map(({ name }) => name).toSorted()).toEqual(Object.keys(enforcedBefore).toSorted())
})
