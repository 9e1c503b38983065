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

/** A database with the tables of some patterns and no service's, dropped at the end. */
export type PatternDatabase = AsyncDisposable & { pool: pg.Pool; url: string; log: Log }

export async function openPatternDatabase(
  serverUrl: string,
  ...patterns: string[]
): Promise<PatternDatabase> {
  const name = `pattern_${randomBytes(4).toString('hex')}`
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  await onServer(serverUrl, `CREATE DATABASE ${name}`)
  for (const pattern of patterns) {
    const schema = join(import.meta.dirname, '../src', pattern, 'schema.sql')
    await onServer(url.href, await readFile(schema, 'utf8'))
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
      await onServer(serverUrl, `DROP DATABASE ${name} WITH (FORCE)`)
    },
  }
}

async function onServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
