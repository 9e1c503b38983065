import { readFile } from 'node:fs/promises'
import { dialProvider } from '@nightshift/local/testing/test-client'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import {
  type AttackedPayments,
  expectProblem,
  newKey,
  openAttackedPayments,
  paymentOf,
} from './attacked-payments.ts'
import type { RawAnswer } from './converse.ts'

type Schema = {
  type?: string
  enum?: unknown[]
  pattern?: string
  minimum?: number
  properties?: Record<string, Schema>
  items?: Schema
}
type Content = { content?: Record<string, { schema: Schema }> }
type Operation = { requestBody?: Content; responses: Record<string, Content> }

const document: { paths: Record<string, Record<string, Operation>> } = JSON.parse(
  await readFile(
    new URL('../../../../docs/reference/payments.openapi.json', import.meta.url),
    'utf8',
  ),
)
const withBody = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).flatMap(([method, { requestBody }]) => {
    const schema = schemaIn(requestBody)
    return schema?.properties ? [{ method: method.toUpperCase(), path, schema }] : []
  }),
)

let attacked: AttackedPayments

beforeAll(async () => {
  attacked = await openAttackedPayments(inject('parts'))
})
afterAll(() => attacked[Symbol.asyncDispose]())

describe('what the database remembers is not for callers to say', () => {
  test('the reference names routes that take a body', () => expect(withBody).not.toEqual([]))

  test.each(withBody)('$method $path refuses each column of each table', async operation => {
    const { json: payment } = await attacked.payHonestly()
    const columns = await columnNames()
    expect(columns).toContain('provider_payment_id')
    const { schema, method } = operation
    const names = [...new Set(columns.flatMap(name => [name, camelCase(name), name.toUpperCase()]))]
    const foreign = names.filter(name => !(name in (schema.properties ?? {})))
    const target = operation.path.replaceAll(/\{\w+\}/g, payment.paymentId)
    const before = await databaseContent()
    for (const name of foreign) {
      const body = { ...(sampleOf(schema) as object), [name]: payment.listingId }
      const answer = await attacked.send({ method, target, body: JSON.stringify(body) })
      expectProblem(answer, 400, 'validation-error')
      expect(answer.json.errors[0].pointer).toBe(`/${name}`)
    }
    expect(await databaseContent()).toEqual(before)
  })
})

describe('no answer says more than the reference', () => {
  const expectKnown = (answer: RawAnswer, method: string, path: string) => {
    const { responses } = document.paths[path]?.[method] ?? { responses: {} }
    const found = responses[answer.status] ?? responses[`${Math.floor(answer.status / 100)}XX`]
    const schema = schemaIn(found)
    expect(schema, `${method} ${path} documents ${answer.status}`).toBeDefined()
    expect(unknownKeys(answer.json, schema ?? {})).toEqual([])
  }
  const take = '/v1/payments'
  const look = '/v1/payments/{paymentId}'

  test('of payments that are taken, refused and open', async () => {
    const key = { 'idempotency-key': newKey() }
    const body = paymentOf()
    const answers = [
      await attacked.payHonestly(body, key),
      await attacked.pay(body, key),
      await attacked.pay({ ...body, amountCents: 1 }, key),
      await attacked.pay(paymentOf({ cardToken: 'pm_card_chargeDeclined' })),
      await attacked.pay({ ...body, extra: 1 }),
      await attacked.pay(body, { authorization: null }),
      await attacked.pay(body, { 'content-type': 'text/plain' }),
      await attacked.pay(body, { 'idempotency-key': null }),
      await attacked.pay({ ...body, cardToken: 'x'.repeat(20_000) }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([
      ...[201, 201, 422, 402, 400],
      ...[401, 415, 400, 413],
    ])
    for (const answer of answers) expectKnown(answer, 'post', take)
    await dialProvider(attacked.system, { silence: 'before' })
    const open = await attacked.pay(paymentOf())
    await dialProvider(attacked.system, { silence: 'none' })
    expect(open.status).toBe(202)
    expectKnown(open, 'post', take)
  })

  test('of payments that are looked at, or are not there', async () => {
    const declined = await attacked.pay(paymentOf({ cardToken: 'pm_card_chargeDeclined' }))
    const { json } = await attacked.payHonestly()
    const ids = [json.paymentId, declined.json.paymentId, json.listingId, 'x']
    const get = (id: string, authorization: object = {}) =>
      attacked.send({ method: 'GET', target: `${take}/${id}`, headers: { ...authorization } })
    const answers = await Promise.all([
      ...ids.map(id => get(id)),
      get(json.paymentId, { authorization: null }),
    ])
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404, 404, 401])
    for (const answer of answers) expectKnown(answer, 'get', look)
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
 * Every row of every table, but for when an event was published, and what the provider called about:
 * that happens by itself.
 */
async function databaseContent(): Promise<Record<string, string[]>> {
  const { rows: tables } = await attacked.database.query<{ name: string }>(
    `SELECT table_name AS name FROM information_schema.tables
     WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
       AND table_name <> 'provider_callbacks' ORDER BY name`,
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

/** A value of this form, so that what is refused is refused for what was added to it. */
function sampleOf(schema: Schema): unknown {
  if (schema.properties) {
    const fields = Object.entries(schema.properties)
    return Object.fromEntries(fields.map(([name, field]) => [name, sampleOf(field)]))
  }
  if (schema.enum) return schema.enum[0]
  if (schema.type === 'integer') return schema.minimum ?? 1
  const samples = ['pm_card_visa', paymentOf().listingId, 'text']
  return samples.find(sample => new RegExp(schema.pattern ?? '', 'u').test(sample))
}

/** Pointers to what the schema has no name for, however deep. */
function unknownKeys(value: unknown, schema: Schema, at = ''): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((each, i) => unknownKeys(each, schema.items ?? {}, `${at}/${i}`))
  }
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, each]) => {
    const known = schema.properties?.[name]
    return known ? unknownKeys(each, known, `${at}/${name}`) : [`${at}/${name}`]
  })
}
