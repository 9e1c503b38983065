import { randomUUID } from 'node:crypto'
import { eventually } from '@nightshift/load-tests/harness/test-client'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import { type AttackedPayments, expectProblem, openAttackedPayments } from './attacked-payments.ts'

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

const get = (target: string, headers: Record<string, string | null> = {}) =>
  attacked.send({ method: 'GET', target, headers })
const northwind = () => ({ authorization: `Bearer ${attacked.system.apiKeys.northwind}` })
const base64url = (text: string) => Buffer.from(text).toString('base64url')
const month = new Date().toISOString().slice(0, 7)

describe('a list of payments', () => {
  test.each([
    ['status=paid', 'status'],
    ['status=', 'status'],
    ['status=Captured', 'status'],
    ['status=captured%00', 'status'],
    ['status=captured&status=pending', 'status'],
    ['publicationId=x', 'publicationId'],
    ['publicationId=%27%20OR%201=1--', 'publicationId'],
    ['limit=0', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=101', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=', 'limit'],
    ['limit=all', 'limit'],
    ['limit=1e400', 'limit'],
    ['tenantId=00000000-0000-4000-8000-000000000000', 'tenantId'],
    ['sort=(select%201)', 'sort'],
    ['after[]=1', 'after[]'],
  ])('with the query %s is refused', async (query, name) => {
    const answer = await get(`/v1/payments?${query}`)
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(`/${name}`)
  })

  test.each([
    'yesterday',
    '2026-11',
    '2026-02-30T00:00:00Z',
    '2026-11-21T25:00:00Z',
    '',
    '0000-01-01T00:00:00Z',
    '-0001-01-01T00:00:00Z',
    '99999-01-01T00:00:00Z',
    'infinity',
    '2026-11-21T00:00:00',
    '2026-11-21T00:00:00+23:59',
    '2026-11-21T00:00:00-16:00',
    '2026-11-21 00:00:00Z',
    '2026-11-21T00:00:00Z BC',
    '1763683200',
  ])('with the invalid time %j is refused', async moment => {
    for (const name of ['createdFrom', 'createdBefore']) {
      const answer = await get(`/v1/payments?${name}=${encodeURIComponent(moment)}`)
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe(`/${name}`)
    }
  })

  test.each([
    '1000-01-01T00:00:00Z',
    '9999-12-31T23:59:59.999Z',
    '2016-12-31T23:59:60Z',
    '2024-02-29T00:00:00Z',
  ])('with the valid time %j is answered', async moment => {
    for (const name of ['createdFrom', 'createdBefore']) {
      expect((await get(`/v1/payments?${name}=${moment}`)).status).toBe(200)
    }
  })

  test.each([
    ['no characters', ''],
    ['nonsense', 'nonsense'],
    ['text that is no base64', '%00%7f'],
    ['SQL', "1'--"],
    ['201 characters', 'a'.repeat(201)],
    ['8 KB', 'a'.repeat(8_192)],
    ['a position without an id', base64url('1763683200000000')],
    ['a position with SQL for an id', base64url("1 ' OR 1=1")],
    ['a position before the first', base64url(`-1 ${randomUUID()}`)],
    ['a position after the last', base64url(`${'9'.repeat(18)} ${randomUUID()}`)],
    ['a position and more', base64url(`1 ${randomUUID()} 2`)],
    ['a position with NUL', base64url(`1 ${randomUUID()}\0`)],
  ])('with a cursor of %s is refused', async (_what, cursor) => {
    const answer = await get(`/v1/payments?after=${cursor}`)
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/after')
  })

  test.each(['0', '9'.repeat(17)])('with a cursor at %s microseconds is answered', async micros => {
    const after = base64url(`${micros} ${randomUUID()}`)
    expect((await get(`/v1/payments?after=${after}`)).status).toBe(200)
  })

  test("with another tenant's cursor has payments of the caller only", async () => {
    await attacked.payHonestly()
    await attacked.payHonestly()
    const theirs = (await attacked.payHonestly(paymentOf(), northwind())).json.paymentId
    const { nextAfter } = (await get('/v1/payments?limit=1')).json
    const { status, json } = await get(`/v1/payments?after=${nextAfter}`, northwind())
    const ids = json.payments.map((each: { paymentId: string }) => each.paymentId)
    expect([status, ids.filter((id: string) => id !== theirs)]).toEqual([200, []])
  })

  test("for another tenant's publication is empty", async () => {
    const body = paymentOf()
    await attacked.payHonestly(body)
    const found = await get(`/v1/payments?publicationId=${body.publicationId}`, northwind())
    expect(found.json).toEqual({ payments: [] })
  })
})

describe('a statement', () => {
  test.each([
    '',
    '2026',
    '2026-1',
    '2026-00',
    '2026-13',
    '0000-00',
    '0000-01',
    '1999-12',
    '2100-01',
    '11-2026',
    '2026/11',
    '2026-11-01',
    '2026-11\n',
    ' 2026-11',
    '２０２６-11',
    '-2026-11',
    '+02026-11',
    '2026-11-01T00:00:00Z',
    "2026-11' OR '1'='1",
    'now',
    'NaN',
  ])('of the invalid month %j is refused', async given => {
    const answer = await get(`/v1/statements?month=${encodeURIComponent(given)}`)
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe('/month')
  })

  test.each([
    ['', '/month'],
    ['month=2026-11&month=2026-10', '/month'],
    [`month=${month}&limit=0`, '/limit'],
    [`month=${month}&limit=501`, '/limit'],
    [`month=${month}&limit=x`, '/limit'],
    [`month=${month}&currency=USD`, '/currency'],
    [`month=${month}&tenant_id=x`, '/tenant_id'],
    [`month=${month}&after=`, '/after'],
    [`month=${month}&after=-1`, '/after'],
    [`month=${month}&after=x`, '/after'],
    [`month=${month}&after=1%20OR%201=1`, '/after'],
    [`month=${month}&after=${'9'.repeat(50)}`, '/after'],
    [`month=${month}&after=${'9'.repeat(8_192)}`, '/after'],
  ])('with the query %.60s is refused', async (query, pointer) => {
    const answer = await get(`/v1/statements?${query}`)
    expectProblem(answer, 400, 'validation-error')
    expect(answer.json.errors[0].pointer).toBe(pointer)
  })

  test.each(['2000-01', '2099-12'])(
    'of %s, a month without payments, has no lines',
    async emptyMonth => {
      const { status, json } = await get(`/v1/statements?month=${emptyMonth}`)
      expect([status, json.lines]).toEqual([200, []])
    },
  )

  test('with the cursor of another list is refused', async () => {
    await attacked.payHonestly()
    await attacked.payHonestly()
    const { nextAfter } = (await get('/v1/payments?limit=1')).json
    const answer = await get(`/v1/statements?month=${month}&after=${nextAfter}`)
    expectProblem(answer, 400, 'validation-error')
  })

  test("with another tenant's cursor is refused", async () => {
    await attacked.payHonestly()
    await attacked.payHonestly()
    await hasLines(2, () => get(`/v1/statements?month=${month}`))
    const { nextAfter } = (await get(`/v1/statements?month=${month}&limit=1`)).json
    const path = `/v1/statements?month=${month}&after=${nextAfter}`
    expect((await get(path)).status).toBe(200)
    const { status, json } = await get(path, northwind())
    expect([status, json.type]).toEqual([400, '/problems/validation-error'])
  })

  test('has an exact balance even beyond 64 bits', async () => {
    for (let i = 0; i < 2; i += 1) await postDirectly('4700000000000000001')
    const headers = { authorization: `Bearer ${attacked.system.apiKeys.lumen}` }
    const { status, json } = await hasLines(2, () => get(`/v1/statements?month=${month}`, headers))
    expect([status, json.closingBalanceCents]).toEqual([200, '9400000000000000002'])
  })
})

describe('a list of any kind', () => {
  test.each(['/v1/payments', `/v1/statements?month=${month}`])(
    'at %s is refused without an API key, or with one in the URL',
    async target => {
      expectProblem(await get(target, { authorization: null }), 401, 'unauthorized')
      const key = attacked.system.apiKeys.acme
      const inUrl = await get(`${target}${target.includes('?') ? '&' : '?'}key=${key}`)
      expectProblem(inUrl, 400, 'key-in-url')
    },
  )
})

test('in the end, only intended payments were charged', () => attacked.expectOnlyIntendedEffects())

/**
 * A line appears only when no older transaction is open in the whole cluster, not even a test's.
 */
function hasLines(atLeast: number, read: () => ReturnType<typeof get>) {
  return eventually(`a statement has ${atLeast} lines`, async () => {
    const answer = await read()
    return answer.json.lines.length >= atLeast ? answer : undefined
  })
}

/** Posts more than any payment can have, for an employer without payments. */
async function postDirectly(cents: string): Promise<void> {
  const lumen = seedTenants.find(({ name }) => name === 'lumen')
  await attacked.database.query(
    `WITH posted AS (
       INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
       VALUES ($1, 'capture', gen_random_uuid(), gen_random_uuid()) RETURNING transaction_id)
     INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
     SELECT transaction_id, $1, account, amount_cents, 'EUR' FROM posted,
       (VALUES ('provider_clearing', $2::bigint), ('revenue', -$2::bigint))
         AS entries (account, amount_cents)`,
    [lumen?.tenantId, cents],
  )
}
