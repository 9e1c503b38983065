import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { recordWebhookOnce } from '../src/webhook-hint/webhook-hint.ts'
import { type OwnTables, openOwnTables } from './own-tables.ts'

const work = { table: 'work', id: 'id' }
let database: OwnTables

beforeAll(async () => {
  database = await openOwnTables(inject('parts').postgresUrl, ['lease', 'webhook-hint'])
})
afterAll(() => database[Symbol.asyncDispose]())

/** Work that is due in an hour. */
async function insertWork(checks: number): Promise<string> {
  const id = randomUUID()
  await database.pool.query(
    `INSERT INTO work (id, checks, next_check_at) VALUES ($1, $2, now() + interval '1 hour')`,
    [id, checks],
  )
  return id
}

async function isDue(id: string): Promise<boolean> {
  const sql = 'SELECT FROM work WHERE id = $1 AND next_check_at <= now()'
  return (await database.pool.query(sql, [id])).rowCount === 1
}

const webhook = (subjectId: string | undefined, eventId = randomUUID() as string) => ({
  eventId,
  type: 'payment_intent.succeeded',
  subjectId,
})

test('an event is recorded once and makes open work due', async () => {
  const id = await insertWork(1)
  const event = webhook(id)
  const recorded = await Promise.all(
    Array.from({ length: 5 }, () => recordWebhookOnce(database.pool, event, work)),
  )
  expect(recorded.filter(Boolean)).toHaveLength(1)
  expect(await isDue(id)).toBe(true)
})

test('an event does not interrupt a request in progress', async () => {
  const id = await insertWork(0)
  expect(await recordWebhookOnce(database.pool, webhook(id), work)).toBe(true)
  expect(await isDue(id)).toBe(false)
})

test('an event about unknown work is recorded too', async () => {
  expect(await recordWebhookOnce(database.pool, webhook(undefined), work)).toBe(true)
  expect(await recordWebhookOnce(database.pool, webhook(randomUUID()), work)).toBe(true)
})
