import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dropDatabase, withDatabase } from '@nightshift/local/prepare/database-admin'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { openPool } from '@nightshift/runtime/postgres/postgres'
import { type Log, openLog } from '@nightshift/runtime/telemetry/logger'
import type { Pool } from 'pg'

const limits = {
  connectionsMax: 10,
  acquireMs: 5_000,
  lockMs: 2_000,
  statementMs: 5_000,
  idleInTransactionMs: 10_000,
}

/** A database that has the tables of some patterns and nothing of any service; dropped at the end. */
export type OwnTables = AsyncDisposable & { pool: Pool; url: string; log: Log }

/** @param patterns folders whose `schema.sql` creates the tables */
export async function openOwnTables(serverUrl: string, patterns: string[]): Promise<OwnTables> {
  const database = `pattern_${randomBytes(4).toString('hex')}`
  const url = databaseUrl(serverUrl, { database })
  await withDatabase(serverUrl, server => server.query(`CREATE DATABASE ${database}`))
  await withDatabase(url, async client => {
    for (const pattern of patterns) await client.query(await readFile(schemaOf(pattern), 'utf8'))
  })
  const log = openLog('test')
  log.setLevel('silent')
  const pool = openPool(url, 'test', limits, log)
  return {
    pool,
    url,
    log,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await withDatabase(serverUrl, server => dropDatabase(server, database))
    },
  }
}

function schemaOf(pattern: string): string {
  return join(import.meta.dirname, '../src', pattern, 'schema.sql')
}
