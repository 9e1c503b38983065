import { as, call, eventually } from '@nightshift/load-tests/harness/test-client'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { type OpenPayments, openPayments } from './open-payments.ts'
import { newKey, paymentOf } from './payment-of.ts'
import { postCapture } from './post-capture.ts'

let payments: OpenPayments
let system: OpenPayments['system']
let db: OpenPayments['db']

beforeAll(async () => {
  payments = await openPayments(inject('parts'))
  ;({ system, db } = payments)
})
afterAll(() => payments[Symbol.asyncDispose]())

const tenant = 'lumen'
const pagesMax = 10
const month = new Date().toISOString().slice(0, 7)

async function pay(amountCents: number): Promise<string> {
  const body = paymentOf({ amountCents })
  const headers = as(system, tenant, newKey())
  const { json } = await call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
  return json.paymentId
}

function read(query: string, caller: typeof tenant | 'acme' = tenant) {
  const url = `${system.urls.payments}/v1/statements?month=${month}${query}`
  return call('GET', url, { headers: as(system, caller) })
}

type Line = { line: string; amountCents: string; balanceCents: string }

/** All lines of the month, page by page, from the beginning or after a line. */
async function readLines(after?: string): Promise<Line[]> {
  const lines: Line[] = []
  let cursor = after
  for (let page = 0; page < pagesMax; page += 1) {
    const { json } = await read(`&limit=1${cursor === undefined ? '' : `&after=${cursor}`}`)
    lines.push(...json.lines)
    if (json.nextAfter === undefined) return lines
    cursor = json.nextAfter
  }
  throw new Error(`the statement has more than ${pagesMax} pages`)
}

const amounts = (lines: readonly Line[]) => lines.map(line => Number(line.amountCents))

test('no reader skips a line that is committed after one with a higher number', async () => {
  await pay(100)
  const before = await eventually('the first line appears', async () => {
    const lines = await readLines()
    return lines.length === 1 ? lines : undefined
  })

  await db.query('BEGIN')
  const { rows } = await db.query(
    `INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
     SELECT tenant_id, 'refund', gen_random_uuid(), payment_id FROM payments
     WHERE amount_cents = 100 RETURNING transaction_id, tenant_id`,
  )
  const { transaction_id: slow, tenant_id: tenantId } = rows[0]
  await db.query(
    `INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
     VALUES ($1, $2, 'refunds', 7, 'EUR'), ($1, $2, 'provider_clearing', -7, 'EUR')`,
    [slow, tenantId],
  )
  await pay(300)
  const meanwhile = await readLines(before.at(-1)?.line)
  await db.query('COMMIT')

  const last = meanwhile.at(-1)?.line ?? before.at(-1)?.line
  const lines = await eventually('all lines appear', async () => {
    const all = [...before, ...meanwhile, ...(await readLines(last))]
    return all.length === 3 ? all : undefined
  })
  expect(amounts(lines)).toEqual([100, -7, 300])
  expect(lines.map(line => Number(line.balanceCents))).toEqual([100, 93, 393])
  expect(amounts(await readLines())).toEqual([100, -7, 300])
})

test('a page after an unknown line, or after a line of another tenant, is refused', async () => {
  await pay(500)
  const line = await eventually(
    'the statement has a line',
    async () => (await readLines()).at(-1)?.line,
  )
  expect((await read(`&after=${line}`)).status).toBe(200)
  for (const refused of [await read(`&after=${line}`, 'acme'), await read('&after=999999999')]) {
    expect([refused.status, refused.json.type]).toEqual([400, '/problems/validation-error'])
  }
})

test('what is settled after the month is over belongs to the next one, and every balance fits', async () => {
  const amountsByTime = [
    ['2020-01-31T23:59:58Z', 100],
    ['2020-02-01T00:00:01Z', 20],
    ['2020-01-31T23:59:59Z', 3],
  ] as const
  const tenantId = seedTenants.find(({ name }) => name === 'northwind')?.tenantId ?? ''
  for (const [postedAt, cents] of amountsByTime)
    await postCapture(db, { tenantId, cents, postedAt })
  const of = async (asked: string) => {
    const url = `${system.urls.payments}/v1/statements?month=${asked}`
    const { json } = await call('GET', url, { headers: as(system, 'northwind') })
    return {
      opening: json.openingBalanceCents,
      amounts: amounts(json.lines),
      closing: json.closingBalanceCents,
    }
  }
  await eventually('the lines appear', async () =>
    (await of('2020-02')).amounts.length === 2 ? true : undefined,
  )
  expect(await of('2019-12')).toEqual({ opening: '0', amounts: [], closing: '0' })
  expect(await of('2020-01')).toEqual({ opening: '0', amounts: [100], closing: '100' })
  expect(await of('2020-02')).toEqual({ opening: '100', amounts: [20, 3], closing: '123' })
  expect(await of('2020-03')).toEqual({ opening: '123', amounts: [], closing: '123' })
})
