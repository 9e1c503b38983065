import { createHmac, randomUUID } from 'node:crypto'
import { as, call, eventually, setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { ledgerOf, type OpenPayments, openPayments } from './open-payments.ts'
import { newKey, paymentOf } from './payment-of.ts'

let payments: OpenPayments
let system: OpenPayments['system']
let db: OpenPayments['db']

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
  ;({ system, db } = payments)
})
afterAll(() => payments[Symbol.asyncDispose]())
afterEach(() => setProviderFaults(system, { silence: 'none', latencyMs: 0 }))

type Tenant = 'acme' | 'northwind' | 'lumen'
const at = (path: string) => `${system.urls.payments}${path}`

async function pay(changes: object = {}, tenant: Tenant = 'acme') {
  const headers = as(system, tenant, newKey())
  return call('POST', at('/v1/payments'), { headers, body: paymentOf(changes) })
}

function refund(
  paymentId: string,
  body: object,
  { key = newKey(), tenant = 'acme' as Tenant } = {},
) {
  const headers = as(system, tenant, key)
  const request = { headers, body: { reason: 'requested_by_customer', ...body } }
  return call('POST', at(`/v1/payments/${paymentId}/refunds`), request)
}

async function read(path: string, tenant: Tenant = 'acme') {
  return call('GET', at(path), { headers: as(system, tenant) })
}

describe('the ledger', () => {
  test('has each capture once, with its tax and the fee of the provider', async () => {
    const { json } = await pay({ amountCents: 24_900, taxCents: 3_976 })
    const ledger = await ledgerOf(db, json.paymentId)
    const { provider_clearing: clearing = 0, fees = 0, ...rest } = ledger
    expect(rest).toEqual({ revenue: -20_924, tax: -3_976 })
    expect(fees).toBeGreaterThan(0)
    expect(clearing + fees).toBe(24_900)
  })

  test('has no entry for a declined payment', async () => {
    const { json } = await pay({ cardToken: 'pm_card_chargeDeclined' })
    expect(await ledgerOf(db, json.paymentId)).toEqual({})
  })

  test.each([
    ['UPDATE ledger_entries SET amount_cents = 1', 'append-only'],
    ['DELETE FROM ledger_entries', 'append-only'],
    ['DELETE FROM ledger_transactions', 'append-only'],
    ['TRUNCATE ledger_entries', 'append-only'],
  ])('refuses %s, even from the administrator', async (statement, reason) => {
    await pay()
    await expect(db.query(statement)).rejects.toThrow(reason)
  })

  const post = `
    INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
    SELECT tenant_id, 'refund', gen_random_uuid(), payment_id FROM payments WHERE payment_id = $1`
  const enter = (account: string) => `
    INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
    SELECT max(transaction_id), (array_agg(tenant_id))[1], '${account}', 1, 'EUR'
    FROM ledger_transactions WHERE payment_id = $1`

  test.each([
    ['with one entry', [post, enter('refunds')]],
    ['with only debits', [post, enter('refunds'), enter('tax')]],
    ['without entries', [post]],
  ])('refuses to commit a posting %s', async (_what, statements) => {
    const { json } = await pay()
    const commit = async () => {
      await db.query('BEGIN')
      for (const statement of statements) await db.query(statement, [json.paymentId])
      await db.query('COMMIT')
    }
    await expect(commit()).rejects.toThrow('does not sum to zero')
    await db.query('ROLLBACK')
  })

  test('refuses an entry after its posting was committed', async () => {
    const { json } = await pay()
    await expect(db.query(enter('refunds'), [json.paymentId])).rejects.toThrow('without a posting')
  })
})

describe('an authorized payment', () => {
  const authorize = () => pay({ captureMethod: 'manual' })
  const post = (paymentId: string, verb: 'capture' | 'void', tenant: Tenant = 'acme') =>
    call('POST', at(`/v1/payments/${paymentId}/${verb}`), { headers: as(system, tenant) })

  test('is captured once by repeated requests', async () => {
    const { status, json } = await authorize()
    expect([status, json.status]).toEqual([201, 'authorized'])
    expect(await ledgerOf(db, json.paymentId)).toEqual({})
    for (const _ of [1, 2]) {
      const answer = await post(json.paymentId, 'capture')
      expect([answer.status, answer.json.status]).toEqual([200, 'captured'])
    }
    expect(await ledgerOf(db, json.paymentId)).toMatchObject({ revenue: -9_900 })
    expect((await post(json.paymentId, 'void')).json.type).toBe('/problems/payment-not-authorized')
  })

  test('cannot be captured after it was voided', async () => {
    const { json } = await authorize()
    expect((await post(json.paymentId, 'void')).json.status).toBe('voided')
    expect((await post(json.paymentId, 'capture')).status).toBe(409)
    expect(await ledgerOf(db, json.paymentId)).toEqual({})
  })

  test('is captured even if the answer of the provider is lost', async () => {
    const { json } = await authorize()
    await setProviderFaults(system, { silence: 'after' })
    const answer = await post(json.paymentId, 'capture')
    expect([answer.status, answer.json.status]).toEqual([202, 'authorized'])
    await setProviderFaults(system, { silence: 'none' })
    await eventually('the payment is captured', async () => {
      const { json: now } = await read(`/v1/payments/${json.paymentId}`)
      return now.status === 'captured' ? true : undefined
    })
    expect(await ledgerOf(db, json.paymentId)).toMatchObject({ revenue: -9_900 })
  })

  test('of another tenant is answered like an unknown payment', async () => {
    const { json } = await authorize()
    expect((await post(json.paymentId, 'capture', 'northwind')).status).toBe(404)
    expect((await post(randomUUID(), 'capture')).status).toBe(404)
  })
})

describe('a refund', () => {
  test('can be made in parts, up to the captured amount', async () => {
    const { json } = await pay({ amountCents: 10_000, taxCents: 1_597 })
    const parts = []
    for (const amountCents of [3_333, 3_333])
      parts.push(await refund(json.paymentId, { amountCents }))
    expect(parts.map(({ status }) => status)).toEqual([201, 201])
    expect((await refund(json.paymentId, { amountCents: 3_335 })).json.type).toBe(
      '/problems/refund-too-large',
    )
    const rest = await refund(json.paymentId, {})
    expect(rest.json).toMatchObject({ status: 'succeeded', amountCents: 3_334 })
    expect((await refund(json.paymentId, {})).status).toBe(422)
    const { refunds, tax, revenue } = await ledgerOf(db, json.paymentId)
    expect([refunds, tax, revenue]).toEqual([8_403, 0, -8_403])
    const { json: payment } = await read(`/v1/payments/${json.paymentId}`)
    expect(payment).toMatchObject({ status: 'captured', refundedCents: 10_000 })
    expect((await read(`/v1/payments/${json.paymentId}/refunds`)).json.refunds).toHaveLength(3)
  })

  test('is made once per key, and its answer is replayed byte for byte', async () => {
    const { json } = await pay()
    const key = newKey()
    const first = await refund(json.paymentId, { amountCents: 100 }, { key })
    const again = await refund(json.paymentId, { amountCents: 100 }, { key })
    expect(again.text).toBe(first.text)
    expect(again.headers.get('idempotency-replayed')).toBe('true')
    expect((await refund(json.paymentId, { amountCents: 101 }, { key })).status).toBe(422)
    expect((await read(`/v1/payments/${json.paymentId}`)).json.refundedCents).toBe(100)
  })

  test('of the whole payment is made by one of two concurrent requests', async () => {
    const { json } = await pay()
    const both = await Promise.all([refund(json.paymentId, {}), refund(json.paymentId, {})])
    expect(both.map(({ status }) => status).toSorted()).toEqual([201, 422])
  })

  test('is pending while the provider is silent, and made once it answers', async () => {
    const { json } = await pay()
    await setProviderFaults(system, { silence: 'before' })
    const answer = await refund(json.paymentId, {})
    expect([answer.status, answer.json.status]).toEqual([202, 'pending'])
    await setProviderFaults(system, { silence: 'none' })
    await eventually('the refund is made', async () => {
      const { refunds } = (await read(`/v1/payments/${json.paymentId}/refunds`)).json
      return refunds[0].status === 'succeeded' ? true : undefined
    })
    expect(await ledgerOf(db, json.paymentId)).toMatchObject({ refunds: 9_900 })
  })

  test('that is requested again while it is pending is the same refund', async () => {
    const { json } = await pay()
    const key = newKey()
    await setProviderFaults(system, { silence: 'before' })
    const first = await refund(json.paymentId, { amountCents: 100 }, { key })
    const again = await refund(json.paymentId, { amountCents: 100 }, { key })
    expect(first.status).toBe(202)
    // A 409 is possible if the job is working on the refund at the same moment.
    expect([202, 409]).toContain(again.status)
    await setProviderFaults(system, { silence: 'none' })
    const last = await eventually('the refund is made', async () => {
      const answer = await refund(json.paymentId, { amountCents: 100 }, { key })
      return answer.status === 201 ? answer : undefined
    })
    expect(last.json.refundId).toBe(first.json.refundId)
    expect(await ledgerOf(db, json.paymentId)).toMatchObject({ refunds: 100 })
  })

  test('needs a captured payment of the caller', async () => {
    const declined = await pay({ cardToken: 'pm_card_chargeDeclined' })
    expect((await refund(declined.json.paymentId, {})).json.type).toBe(
      '/problems/payment-not-captured',
    )
    const { json } = await pay()
    expect((await refund(json.paymentId, {}, { tenant: 'northwind' })).status).toBe(404)
    expect((await refund(randomUUID(), {})).status).toBe(404)
  })
})

describe('the payments of a caller', () => {
  test('are listed in pages that neither repeat nor skip, newest first', async () => {
    const paid: string[] = []
    for (let i = 0; i < 7; i += 1) paid.push((await pay({}, 'lumen')).json.paymentId)
    const seen: string[] = []
    let after = ''
    for (let page = 0; page < 10; page += 1) {
      const { json } = await read(`/v1/payments?limit=3${after}`, 'lumen')
      seen.push(...json.payments.map((one: { paymentId: string }) => one.paymentId))
      if (json.nextAfter === undefined) break
      after = `&after=${json.nextAfter}`
    }
    expect(seen).toEqual(paid.toReversed())
    expect((await read('/v1/payments?status=declined', 'lumen')).json.payments).toEqual([])
    expect((await read('/v1/payments?after=nonsense', 'lumen')).status).toBe(400)
  })

  test('add up to the balance of the statement, page by page', async () => {
    const paid = await pay({ amountCents: 24_900, taxCents: 3_976 }, 'northwind')
    await pay({ amountCents: 100 }, 'northwind')
    await refund(paid.json.paymentId, { amountCents: 4_900 }, { tenant: 'northwind' })
    const month = new Date().toISOString().slice(0, 7)
    const whole = await eventually(
      'no earlier transaction is open, so the lines appear',
      async () => {
        const { json } = await read(`/v1/statements?month=${month}`, 'northwind')
        return json.lines.length >= 3 ? json : undefined
      },
    )
    const amounts = whole.lines.map((line: { amountCents: string }) => Number(line.amountCents))
    expect(amounts.slice(-3)).toEqual([24_900, 100, -4_900])
    expect(Number(whole.closingBalanceCents)).toBe(
      amounts.reduce((sum: number, one: number) => sum + one, Number(whole.openingBalanceCents)),
    )
    const first = (await read(`/v1/statements?month=${month}&limit=1`, 'northwind')).json
    const next = await read(`/v1/statements?month=${month}&after=${first.nextAfter}`, 'northwind')
    expect(next.json.openingBalanceCents).toBe(first.lines[0].balanceCents)
    expect(next.json.closingBalanceCents).toBe(whole.closingBalanceCents)
    const earlier = (await read('/v1/statements?month=2020-01', 'northwind')).json
    expect(earlier).toMatchObject({ lines: [], closingBalanceCents: '0' })
  })
})

describe('a webhook of the provider', () => {
  type Signing = { secret?: string; ageSeconds?: number; header?: string }

  async function send(event: unknown, { secret, ageSeconds = 0, header }: Signing = {}) {
    const body = JSON.stringify(event)
    const t = Math.floor(Date.now() / 1_000) - ageSeconds
    const key = secret ?? system.secrets.cardProviderWebhookSecret
    const v1 = createHmac('sha256', key).update(`${t}.${body}`).digest('hex')
    const response = await fetch(at('/v1/provider-webhooks'), {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'stripe-signature': header ?? `t=${t},v1=${v1}`,
      },
      body,
      signal: AbortSignal.timeout(5_000),
    })
    const text = await response.text()
    return { status: response.status, type: text === '' ? '' : JSON.parse(text).type }
  }

  async function eventOf(paymentId: string, changes: object = {}) {
    const { rows } = await db.query(
      'SELECT tenant_id, amount_cents, provider_payment_id FROM payments WHERE payment_id = $1',
      [paymentId],
    )
    const metadata = { payment_id: paymentId, tenant_id: rows[0]?.tenant_id }
    return {
      id: `evt_${randomUUID().replaceAll('-', '')}`,
      type: 'payment_intent.succeeded',
      data: {
        object: {
          id: rows[0]?.provider_payment_id,
          amount: rows[0]?.amount_cents,
          currency: 'eur',
          metadata,
          ...changes,
        },
      },
    }
  }

  test('about a payment of ours is accepted, and accepted again without effect', async () => {
    const event = await eventOf((await pay()).json.paymentId)
    expect(await send(event)).toMatchObject({ status: 204 })
    expect(await send(event)).toMatchObject({ status: 204 })
  })

  test.each<[string, Signing]>([
    ['signed with another secret', { secret: 'whsec_not_the_one_at_all' }],
    ['signed more than five minutes ago', { ageSeconds: 301 }],
    ['signed more than five minutes in the future', { ageSeconds: -302 }],
    ['without a signature', { header: '' }],
    ['with two times', { header: 't=1,t=2,v1=00' }],
    ['with a time that is no number', { header: 't=NaN,v1=00' }],
    ['with only another version of signature', { header: 't=1,v0=00' }],
  ])('%s is refused', async (_, signing) => {
    const event = await eventOf((await pay()).json.paymentId)
    expect(await send(event, signing)).toEqual({ status: 401, type: '/problems/invalid-signature' })
  })

  test.each<[string, object]>([
    ['another amount', { amount: 1 }],
    ['another currency', { currency: 'usd' }],
    ['another intent', { id: 'pi_another' }],
  ])('about %s is refused', async (_, changes) => {
    const event = await eventOf((await pay()).json.paymentId, changes)
    expect(await send(event)).toEqual({ status: 422, type: '/problems/webhook-mismatch' })
  })

  test("about another tenant's payment is refused", async () => {
    const { paymentId } = (await pay()).json
    const metadata = { payment_id: paymentId, tenant_id: randomUUID() }
    expect((await send(await eventOf(paymentId, { metadata }))).status).toBe(422)
  })

  test('about an unknown payment is parked', async () => {
    const metadata = { payment_id: randomUUID(), tenant_id: randomUUID() }
    const event = await eventOf(randomUUID(), { id: 'pi_x', amount: 1, metadata })
    expect((await send(event)).status).toBe(202)
  })

  test('whose body is no event is refused', async () => {
    expect(await send({ id: 'evt_1' })).toMatchObject({ status: 400 })
    expect(await send([])).toMatchObject({ status: 400 })
  })

  test('makes an open payment due for a check', async () => {
    await setProviderFaults(system, { silence: 'after' })
    const { json } = await pay()
    expect(json.status).toBe('pending')
    // On a slow machine the job may have settled it by now.
    await db.query(
      `UPDATE payments SET next_check_at = now() + interval '1 hour'
       WHERE payment_id = $1 AND status = 'pending'`,
      [json.paymentId],
    )
    await setProviderFaults(system, { silence: 'none' })
    expect((await send(await eventOf(json.paymentId, { id: 'pi_any' }))).status).toBe(204)
    await eventually('the payment is captured', async () => {
      const { json: now } = await read(`/v1/payments/${json.paymentId}`)
      return now.status === 'captured' ? true : undefined
    })
  })
})
