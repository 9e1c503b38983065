import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openPool } from '@nightshift/runtime/postgres/postgres'
import { type Log, openLog } from '@nightshift/runtime/telemetry/logger'
import pg from 'pg'

const limits = {
  connectionsMax: 10,
  acquireMs: 5_000,
  lockMs: 2_000,
  statementMs: 5_000,
  idleInTransactionMs: 10_000,
}

/** A database that has the tables of some patterns and nothing of any service; dropped at the end. */
export type OwnTables = AsyncDisposable & { pool: pg.Pool; url: string; log: Log }

/** @param patterns folders whose `schema.sql` creates the tables */
export async function openOwnTables(serverUrl: string, patterns: string[]): Promise<OwnTables> {
  const name = `pattern_${randomBytes(4).toString('hex')}`
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  await query(serverUrl, `CREATE DATABASE ${name}`)
  for (const pattern of patterns) {
    await query(url.href, await readFile(schemaOf(pattern), 'utf8'))
  }
  const log = openLog('test')
  log.setLevel('silent')
  const pool = openPool(url.href, 'test', limits, log)
  return {
    pool,
    url: url.href,
    log,
    [Symbol.asyncDispose]: async () => {
      await pool.end()
      await query(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

function schemaOf(pattern: string): string {
  return join(import.meta.dirname, '../src', pattern, 'schema.sql')
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
