import { readFile } from 'node:fs/promises'
import { setProviderFaults } from '@nightshift/load-tests/harness/test-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { newKey, paymentOf } from '../payment-of.ts'
import {
  type AttackedPayments,
  expectProblem,
  openAttackedPayments,
  type RawRequest,
} from './attacked-payments.ts'
import type { RawAnswer } from './raw-http.ts'

type Schema = {
  $ref?: string
  type?: string
  enum?: unknown[]
  pattern?: string
  minimum?: number
  properties?: Record<string, Schema>
  items?: Schema
}
type Content = { content?: Record<string, { schema: Schema }> }
type Operation = { requestBody?: Content; responses: Record<string, Content> }

type Document = {
  paths: Record<string, Record<string, Operation>>
  components: { schemas: Record<string, Schema> }
}

const document: Document = JSON.parse(
  await readFile(
    new URL('../../../../docs/reference/payments.openapi.json', import.meta.url),
    'utf8',
  ),
)
/**
 * Events of the provider may have unknown fields. They are tested in webhooks.integration.test.ts.
 */
const webhookPath = '/v1/provider-webhooks'
const posts = Object.entries(document.paths).flatMap(([path, { post }]) =>
  post && path !== webhookPath ? [{ path, schema: schemaIn(post.requestBody) ?? {} }] : [],
)

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

describe('a caller cannot set a column of the database', () => {
  test('at the four routes that have a body', () =>
    expect(posts.map(({ path }) => path)).toEqual([
      '/v1/payments',
      '/v1/payments/{paymentId}/capture',
      '/v1/payments/{paymentId}/void',
      '/v1/payments/{paymentId}/refunds',
    ]))

  test.each(posts)('at $path: every column of every table is refused', async ({ path, schema }) => {
    // The payment is in the right state, so only the extra field can be the reason for a refusal.
    const isAuthorized = /capture|void/.test(path)
    const { json: payment } = await (isAuthorized
      ? attacked.authorizeHonestly()
      : attacked.payHonestly())
    const columns = await columnNames()
    expect(columns).toEqual(
      expect.arrayContaining(['provider_payment_id', 'refund_id', 'requested_action']),
    )
    const names = [...new Set(columns.flatMap(name => [name, camelCase(name), name.toUpperCase()]))]
    const foreign = names.filter(name => !(name in (schema.properties ?? {})))
    const target = path.replace('{paymentId}', payment.paymentId)
    const before = await databaseContent()
    for (const name of foreign) {
      const body = { ...sampleOf(schema), [name]: payment.listingId }
      const answer = await attacked.send({ target, body: JSON.stringify(body) })
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe(`/${name}`)
    }
    expect(await databaseContent()).toEqual(before)
  })
})

describe('no answer has a field that the reference lacks', () => {
  const expectKnown = (answer: RawAnswer, method: string, path: string) => {
    const { responses } = document.paths[path]?.[method] ?? { responses: {} }
    const found = responses[answer.status] ?? responses[`${Math.floor(answer.status / 100)}XX`]
    const schema = found?.content?.[answer.headers['content-type']?.split(';')[0] ?? '']?.schema
    expect(schema, `${method} ${path} documents ${answer.status}`).toBeDefined()
    expect(unknownKeys(answer.json, schema ?? {})).toEqual([])
  }
  const expectAllKnown = (
    answers: readonly RawAnswer[],
    statuses: readonly number[],
    method: string,
    path: string,
  ) => {
    expect(answers.map(({ status }) => status)).toEqual(statuses)
    for (const answer of answers) expectKnown(answer, method, path)
  }
  const payments = '/v1/payments'
  const onePayment = `${payments}/{paymentId}`
  const withoutKey = { authorization: null }
  const get = (target: string, headers: RawRequest['headers'] = {}) =>
    attacked.send({ method: 'GET', target, headers })
  const post = (target: string, body: object = {}, headers: RawRequest['headers'] = {}) =>
    attacked.send({ target, headers, body: JSON.stringify(body) })
  const whileSilent = async <T>(work: () => Promise<T>) => {
    await setProviderFaults(attacked.system, { silence: 'before' })
    const result = await work()
    await setProviderFaults(attacked.system, { silence: 'none' })
    return result
  }

  test('about payments that are captured, refused or pending', async () => {
    const key = { 'idempotency-key': newKey() }
    const body = paymentOf()
    const answers = [
      await attacked.payHonestly(body, key),
      await attacked.pay(body, key),
      await attacked.pay({ ...body, amountCents: 51 }, key),
      await attacked.pay(paymentOf({ cardToken: 'pm_card_chargeDeclined' })),
      await attacked.pay({ ...body, extra: 1 }),
      await attacked.pay(body, withoutKey),
      await attacked.pay(body, { 'content-type': 'text/plain' }),
      await attacked.pay(body, { 'idempotency-key': null }),
      await attacked.pay({ ...body, cardToken: 'x'.repeat(20_000) }),
      await whileSilent(() => attacked.pay(paymentOf())),
    ]
    const statuses = [201, 201, 422, 402, 400, 401, 415, 400, 413, 202]
    expectAllKnown(answers, statuses, 'post', payments)
  })

  test('about known and unknown payments', async () => {
    const declined = await attacked.pay(paymentOf({ cardToken: 'pm_card_chargeDeclined' }))
    const { json } = await attacked.payHonestly()
    const ids = [json.paymentId, declined.json.paymentId, json.listingId, 'x']
    const answers = [
      ...(await Promise.all(ids.map(id => get(`${payments}/${id}`)))),
      await get(`${payments}/${json.paymentId}`, withoutKey),
    ]
    expectAllKnown(answers, [200, 200, 404, 404, 401], 'get', onePayment)
  })

  test('about authorized payments that are captured or voided', async () => {
    for (const verb of ['capture', 'void']) {
      const { paymentId } = (await attacked.authorizeHonestly()).json
      const target = `${payments}/${paymentId}/${verb}`
      const answers = [
        await whileSilent(() => post(target)),
        await post(target),
        await post(`${payments}/${newKey()}/${verb}`),
        await post(`${payments}/${paymentId}/${verb === 'void' ? 'capture' : 'void'}`),
        await post(target, {}, withoutKey),
      ]
      expectAllKnown(answers, [202, 200, 404, 409, 401], 'post', `${onePayment}/${verb}`)
    }
  })

  test('about refunds', async () => {
    const { paymentId } = (await attacked.payHonestly()).json
    const target = `${payments}/${paymentId}/refunds`
    const key = { 'idempotency-key': newKey() }
    const body = { reason: 'duplicate', amountCents: 1 }
    const answers = [
      await attacked.refundHonestly(paymentId, body, key),
      await post(target, body, key),
      await post(target, { ...body, amountCents: 2 }, key),
      await post(target, { ...body, amountCents: 99_999 }),
      await post(`${payments}/${newKey()}/refunds`, body),
      await whileSilent(() => post(target, body)),
    ]
    expectAllKnown(answers, [201, 201, 422, 422, 404, 202], 'post', `${onePayment}/refunds`)
    const lists = [await get(target), await get(`${payments}/${newKey()}/refunds`)]
    expectAllKnown(lists, [200, 404], 'get', `${onePayment}/refunds`)
  })

  test('about lists and statements', async () => {
    await attacked.payHonestly()
    await attacked.payHonestly()
    const lists = [
      await get(`${payments}?limit=1`),
      await get(payments),
      await get(`${payments}?limit=0`),
    ]
    expectAllKnown(lists, [200, 200, 400], 'get', payments)
    const statements = `/v1/statements?month=${new Date().toISOString().slice(0, 7)}`
    const answers = [
      await get(`${statements}&limit=1`),
      await get(statements),
      await get('/v1/statements'),
    ]
    expectAllKnown(answers, [200, 200, 400], 'get', '/v1/statements')
  })

  test('about refused webhooks', async () => {
    expectAllKnown([await post(webhookPath)], [401], 'post', webhookPath)
  })
})

async function columnNames(): Promise<string[]> {
  const { rows } = await attacked.database.query<{ name: string }>(
    `SELECT DISTINCT column_name AS name FROM information_schema.columns
     WHERE table_schema = 'public' ORDER BY name`,
  )
  return rows.map(({ name }) => name)
}

/**
 * Every row of every table, without what changes by itself: the time of publishing an event, the
 * owner of the relay, the lines of statements, and webhooks of the provider.
 */
async function databaseContent(): Promise<Record<string, string[]>> {
  const { rows: tables } = await attacked.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
       AND table_name NOT IN ('provider_webhooks', 'outbox_lane', 'statement_lines',
         'statement_position') ORDER BY name`,
  )
  const content: Record<string, string[]> = {}
  for (const { name } of tables) {
    const { rows } = await attacked.database.query<{ row: string }>(
      `SELECT (to_jsonb(t) - 'published_at')::text AS row FROM "${name}" AS t ORDER BY 1`,
    )
    content[name] = rows.map(({ row }) => row)
  }
  return content
}

function camelCase(name: string): string {
  return name.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase())
}

function schemaIn(part: Content | undefined): Schema | undefined {
  return Object.values(part?.content ?? {})[0]?.schema
}

/** A correct body, so that only an added field can be the reason for a refusal. */
function sampleOf({ properties = {} }: Schema): object {
  const fields = Object.entries(properties)
  return Object.fromEntries(fields.map(([name, field]) => [name, sampleFor(field)]))
}

function sampleFor(schema: Schema): unknown {
  if (schema.enum) return schema.enum[0]
  if (schema.type === 'integer') return schema.minimum ?? 1
  const samples = ['pm_card_visa', paymentOf().listingId, 'text']
  return samples.find(sample => new RegExp(schema.pattern ?? '', 'u').test(sample))
}

/** Pointers to all fields, at any depth, that the schema does not have. */
function unknownKeys(value: unknown, reference: Schema, at = ''): string[] {
  const schema = document.components.schemas[reference.$ref?.split('/').at(-1) ?? ''] ?? reference
  if (Array.isArray(value)) {
    return value.flatMap((each, i) => unknownKeys(each, schema.items ?? {}, `${at}/${i}`))
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => {
    const known = schema.properties?.[name]
    return known ? unknownKeys(each, known, `${at}/${name}`) : [`${at}/${name}`]
  })
}
