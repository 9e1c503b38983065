import { randomUUID } from 'node:crypto'
import { as, call, eventually } from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { expect, inject, test } from 'vitest'
import { compareBooks } from '../src/reconciliation/compare-ledger.ts'
import { readBooks } from '../src/reconciliation/read-movements.ts'

const always = { fromMs: 0, beforeMs: Number.POSITIVE_INFINITY, inFlightMs: 0 }

test('the books of a system that was paid and paid back agree, until somebody changes one', async () => {
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
  })
  const keepers = {
    databaseUrl: system.databaseUrl('payments'),
    providerUrl: system.urls.cardProvider,
    secretKey: system.secrets.cardProviderSecretKey,
  }
  const compare = async () => {
    return compareBooks(await readBooks(keepers), { ...always, nowMs: Date.now() })
  }
  const paymentId = await pay(system)
  await pay(system)
  await giveBack(system, paymentId, 4_900)
  expect(await compare()).toEqual({
    counts: { ledger: 3, truth: 3, settlement: 3 },
    differences: [],
    inFlight: [],
  })

  await chargeBehindOurBack(system)
  const stranger = await eventually('the charge is in both books of the provider', async () => {
    const { differences } = await compare()
    return differences.length > 0 ? differences : undefined
  })
  expect(stranger).toMatchObject([{ kind: 'missing_here', movement: 'capture' }])

  await forgeRefund(keepers.databaseUrl, paymentId)
  const kinds = (await compare()).differences.map(({ kind }) => kind)
  expect(kinds.toSorted()).toEqual(['missing_here', 'missing_there'])
}, 60_000)

test('a provider that does not let us in is no difference', async () => {
  await using system = await openTestSystem({
    parts: inject('parts'),
    run: ['card-provider', 'payments'],
  })
  const asked = readBooks({
    databaseUrl: system.databaseUrl('payments'),
    providerUrl: system.urls.cardProvider,
    secretKey: 'sk_test_of_somebody_else',
  })
  await expect(asked).rejects.toThrow('/settlement answered 401')
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

async function giveBack(system: TestSystem, paymentId: string, amountCents: number): Promise<void> {
  const url = `${system.urls.payments}/v1/payments/${paymentId}/refunds`
  const headers = as(system, 'acme', `test-${randomUUID()}`)
  const body = { amountCents, reason: 'requested_by_customer' }
  expect((await call('POST', url, { headers, body })).status).toBe(201)
}

/** A charge with our key at the provider, of which payments knows nothing. */
async function chargeBehindOurBack(system: TestSystem): Promise<void> {
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

/** Posts a refund that nobody was given, as only an administrator can. */
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
