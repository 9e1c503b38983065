import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Queryable } from './postgres.ts'

/** Any number will do, as long as all processes that migrate one database use the same. */
const advisoryLock = 4_000_432
const lockTimeoutMs = 30_000
const connectTimeoutMs = 5_000

/**
 * Brings a database up to date with the numbered `.sql` files of a directory, each in a transaction
 * of its own. Forward only. Safe to call from several processes at once: one works, the others wait.
 * @param connectionString with rights to change the schema; the services' own roles have none
 * @returns the names of the files that were applied now
 * @throws when an applied file has changed since: history is not edited, it is added to
 */
export async function migrate(connectionString: string, directory: string): Promise<string[]> {
  const files = await migrationFiles(directory)
  const client = new pg.Client({
    connectionString,
    application_name: 'migrate',
    connectionTimeoutMillis: connectTimeoutMs,
  })
  client.on('error', () => {}) // the statement in flight rejects with the same error
  await client.connect()
  try {
    await client.query(`SET lock_timeout = ${lockTimeoutMs}`)
    await client.query('SELECT pg_advisory_lock($1)', [advisoryLock])
    await client.query(`CREATE TABLE IF NOT EXISTS schema_migrations (
      file text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`)
    await client.query('GRANT SELECT ON schema_migrations TO PUBLIC')
    const applied = await appliedMigrations(client)
    const now: string[] = []
    for (const file of files) {
      const sql = await readFile(join(directory, file), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex')
      const before = applied.get(file)
      if (before === checksum) continue
      if (before) throw new Error(`${file} was changed after it had been applied; add a new one`)
      await apply(client, file, sql, checksum)
      now.push(file)
    }
    return now
  } finally {
    await client.end()
  }
}

/** @throws naming the file. What it did is undone when its connection closes. */
async function apply(client: pg.Client, file: string, sql: string, checksum: string) {
  try {
    await client.query('BEGIN')
    await client.query(sql)
    await client.query('INSERT INTO schema_migrations (file, checksum) VALUES ($1, $2)', [
      file,
      checksum,
    ])
    await client.query('COMMIT')
  } catch (cause) {
    throw new Error(`${file} failed: ${(cause as Error).message}`, { cause })
  }
}

/** @throws when a file would be passed over because of its name */
async function migrationFiles(directory: string): Promise<string[]> {
  const files = (await readdir(directory)).filter(file => file.endsWith('.sql')).sort()
  const odd = files.find(file => !/^\d{4}_\w+\.sql$/.test(file))
  if (odd) throw new Error(`${odd} is no name for a migration: 0001_what_it_does.sql is`)
  return files
}

/** @throws when a migration that this version of the service needs has not been applied yet. */
export async function requireMigrations(db: Queryable, directory: string): Promise<void> {
  const files = await migrationFiles(directory)
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT to_regclass('schema_migrations') IS NOT NULL AS found`,
  )
  const applied = rows[0]?.found ? await appliedMigrations(db) : new Map()
  const missing = files.filter(file => !applied.has(file))
  if (missing.length > 0) {
    throw new Error(`the database lacks ${missing.join(', ')}; migrate it first`)
  }
}

async function appliedMigrations(db: Queryable): Promise<Map<string, string>> {
  const { rows } = await db.query<{ file: string; checksum: string }>(
    'SELECT file, checksum FROM schema_migrations',
  )
  return new Map(rows.map(row => [row.file, row.checksum]))
}
