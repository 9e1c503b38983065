import { randomBytes } from 'node:crypto'
import { dropDatabase, withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import type { ServiceName } from '@nightshift/local/system/secrets'
import pg from 'pg'
import { expect, inject, test } from 'vitest'
import { openOwnTables } from './own-tables.ts'

/** Which services have the tables of which pattern. Their migrations repeat its `schema.sql`. */
const users: readonly (readonly [pattern: string, service: ServiceName, tables: string[]])[] = [
  ['outbox', 'payments', ['outbox', 'outbox_lane']],
  ['outbox', 'listings', ['outbox', 'outbox_lane']],
  ['inbox', 'listings', ['inbox']],
  ['inbox', 'notifications', ['inbox']],
  ['idempotency-key', 'payments', ['idempotency_keys']],
  ['idempotency-key', 'listings', ['idempotency_keys']],
  ['durable-refund', 'payments', ['refunds']],
  ['webhook-hint', 'payments', ['provider_webhooks']],
]

test.each(users)(
  'the tables of the pattern %s are what %s has migrated to',
  async (pattern, service, tables) => {
    const { postgresUrl, templates } = inject('parts')
    await using own = await openOwnTables(postgresUrl, [pattern])
    await using migrated = await openCopy(postgresUrl, templates[service])
    for (const name of tables) {
      expect(await definitionOf(migrated.client, name)).toEqual(await definitionOf(own.pool, name))
    }
  },
)

/** A database of its own like a template, which other tests copy and nobody may enter. */
async function openCopy(serverUrl: string, template: string) {
  const database = `schema_${randomBytes(4).toString('hex')}`
  await withDatabase(serverUrl, server =>
    server.query(`CREATE DATABASE ${database} TEMPLATE ${template}`),
  )
  const client = new pg.Client({ connectionString: databaseUrl(serverUrl, { database }) })
  await client.connect()
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.end()
      await withDatabase(serverUrl, server => dropDatabase(server, database))
    },
  }
}

/** Columns, constraints and indexes of a table, as PostgreSQL would write them. */
async function definitionOf(db: Pick<pg.ClientBase, 'query'>, table: string) {
  const columns = await db.query(
    `SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity,
            pg_get_expr(adbin, adrelid)
     FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table],
  )
  const constraints = await db.query(
    `SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
     WHERE conrelid = $1::regclass ORDER BY conname`,
    [table],
  )
  const indexes = await db.query(
    `SELECT pg_get_indexdef(indexrelid) FROM pg_index
     WHERE indrelid = $1::regclass ORDER BY indexrelid::regclass::text`,
    [table],
  )
  return { columns: columns.rows, constraints: constraints.rows, indexes: indexes.rows }
}
