import { randomUUID } from 'node:crypto'
import { as, call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { expect, inject, test } from 'vitest'
import { compareRecords } from '../src/reconciliation/compare-ledger.ts'
import { readRecords } from '../src/reconciliation/read-movements.ts'

const always = { fromMs: 0, beforeMs: Number.POSITIVE_INFINITY, inFlightMs: 0 }

test('ledger, provider log and settlement agree, until one of them is changed by hand', async () => {
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
  })
  const sources = {
    databaseUrl: system.databaseUrl('payments'),
    providerUrl: system.urls.cardProvider,
    secretKey: system.secrets.cardProviderSecretKey,
  }
  const compare = async () => {
    return compareRecords(await readRecords(sources), { ...always, nowMs: Date.now() })
  }
  const paymentId = await pay(system)
  await pay(system)
  await refund(system, paymentId, 4_900)
  expect(await compare()).toEqual({
    counts: { ledger: 3, providerLog: 3, settlement: 3 },
    differences: [],
    inFlight: [],
  })

  await chargeAtProvider(system)
  const found = await eventually('the charge is in both records of the provider', async () => {
    const { differences } = await compare()
    return differences.length > 0 ? differences : undefined
  })
  expect(found).toMatchObject([{ kind: 'missing_here', movement: 'capture' }])

  await forgeRefund(sources.databaseUrl, paymentId)
  const kinds = (await compare()).differences.map(({ kind }) => kind)
  expect(kinds.toSorted()).toEqual(['missing_here', 'missing_there'])
}, 60_000)

test('a record that cannot be read is an error and no difference', async () => {
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
  })
  const read = readRecords({
    databaseUrl: system.databaseUrl('payments'),
    providerUrl: system.urls.cardProvider,
    secretKey: 'sk_test_another_key',
  })
  await expect(read).rejects.toThrow('/settlement answered 401')
}, 60_000)

async function pay(system: TestSystem): Promise<string> {
  const ids = { listingId: randomUUID(), publicationId: randomUUID() }
  const money = { amountCents: 9_900, taxCents: 1_581, currency: 'EUR' }
  const body = { ...ids, ...money, cardToken: 'pm_card_visa' }
  const headers = as(system, 'acme', `test-${randomUUID()}`)
  const { status, json } = await call('POST', `${system.urls.payments}/v1/payments`, {
    headers,
    body,
  })
  expect(status).toBe(201)
  return json.paymentId
}

async function refund(system: TestSystem, paymentId: string, amountCents: number): Promise<void> {
  const url = `${system.urls.payments}/v1/payments/${paymentId}/refunds`
  const headers = as(system, 'acme', `test-${randomUUID()}`)
  const body = { amountCents, reason: 'requested_by_customer' }
  expect((await call('POST', url, { headers, body })).status).toBe(201)
}

/** Makes a charge at the provider that the payments service does not know. */
async function chargeAtProvider(system: TestSystem): Promise<void> {
  const answer = await fetch(`${system.urls.cardProvider}/v1/payment_intents`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${system.secrets.cardProviderSecretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'amount=700&currency=eur&payment_method=pm_card_visa&confirm=true',
    signal: AbortSignal.timeout(5_000),
  })
  expect(answer.status).toBe(200)
}

/** Posts a refund to the ledger that was never made. Only an administrator can do this. */
async function forgeRefund(databaseUrl: string, paymentId: string): Promise<void> {
  await withDatabase(databaseUrl, client =>
    client.query(
      `WITH forged AS (
         INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
         SELECT tenant_id, 'refund', $2, payment_id FROM payments WHERE payment_id = $1
         RETURNING transaction_id, tenant_id)
       INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
       SELECT transaction_id, tenant_id, e.account, e.cents, 'EUR'
       FROM forged, (VALUES ('provider_clearing', -100), ('refunds', 100)) AS e (account, cents)`,
      [paymentId, randomUUID()],
    ),
  )
}
