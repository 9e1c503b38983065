import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { migrate, requireMigrations } from '../src/postgres/migrate.ts'
import { openFreshDatabase } from './fresh-database.ts'

let open: AsyncDisposableStack
let url: string
let directory: string
let client: pg.Client

beforeEach(async () => {
  open = new AsyncDisposableStack()
  url = open.use(await openFreshDatabase(inject('parts').postgresUrl)).url
  directory = await mkdtemp(join(tmpdir(), 'migrations-'))
  open.defer(() => rm(directory, { recursive: true }))
  client = open.adopt(new pg.Client({ connectionString: url }), c => c.end())
  await client.connect()
})
afterEach(() => open.disposeAsync())

function write(file: string, sql: string) {
  return writeFile(join(directory, file), sql)
}

async function tables(): Promise<string[]> {
  const { rows } = await client.query(
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
  )
  return rows.map(row => row.tablename).filter(name => name !== 'schema_migrations')
}

test('each file is applied once, in the order of their numbers', async () => {
  await write('0002_more.sql', 'ALTER TABLE things ADD name text')
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  expect(await migrate(url, directory)).toEqual(['0001_things.sql', '0002_more.sql'])
  expect(await migrate(url, directory)).toEqual([])
  await write('0003_others.sql', 'CREATE TABLE others (id integer)')
  expect(await migrate(url, directory)).toEqual(['0003_others.sql'])
})

test('several processes at once do the work of one', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer); SELECT pg_sleep(0.05)')
  await write('0002_more.sql', 'CREATE TABLE more (id integer)')
  const all = await Promise.all([1, 2, 3, 4].map(() => migrate(url, directory)))
  expect(all.flat().sort()).toEqual(['0001_things.sql', '0002_more.sql'])
  expect(await tables()).toEqual(['more', 'things'])
})

test('a file that was changed after it had been applied is refused, and nothing is done', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  await migrate(url, directory)
  await write('0001_things.sql', 'CREATE TABLE things (id bigint)')
  await write('0002_more.sql', 'CREATE TABLE more (id integer)')
  await expect(migrate(url, directory)).rejects.toThrow(/0001_things\.sql was changed/)
  expect(await tables()).toEqual(['things'])
})

test('a file that fails is undone as a whole, is named, and can be repaired', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  await write('0002_more.sql', 'CREATE TABLE more (id integer); SELECT 1/0')
  await write('0003_others.sql', 'CREATE TABLE others (id integer)')
  const failure = await migrate(url, directory).catch(error => error)
  expect(failure.message).toContain('0002_more.sql')
  expect(failure.message).toContain('division by zero')
  expect(failure.cause).toMatchObject({ code: '22012' })
  expect(await tables()).toEqual(['things'])
  await write('0002_more.sql', 'CREATE TABLE more (id integer)')
  expect(await migrate(url, directory)).toEqual(['0002_more.sql', '0003_others.sql'])
})

test('a file with a wrong name is refused, and not skipped', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  await write('2_add-more.sql', 'CREATE TABLE more (id integer)')
  await expect(migrate(url, directory)).rejects.toThrow(/2_add-more\.sql/)
  expect(await tables()).toEqual([])
})

test('a server that does not answer is not waited for', async () => {
  const nobody = databaseUrl('postgres://x:x@127.0.0.1:1', { database: 'x' })
  await expect(migrate(nobody, directory)).rejects.toThrow('ECONNREFUSED')
})

test('a service does not start on a database that lacks its migrations, and says which', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  await expect(requireMigrations(client, directory)).rejects.toThrow(/lacks 0001_things\.sql/)
  await migrate(url, directory)
  await requireMigrations(client, directory)
  await write('0002_more.sql', 'CREATE TABLE more (id integer)')
  await write('0003_others.sql', 'CREATE TABLE others (id integer)')
  await expect(requireMigrations(client, directory)).rejects.toThrow(
    'lacks 0002_more.sql, 0003_others.sql',
  )
})

test('a service may ask with the rights of its own role', async () => {
  await write('0001_things.sql', 'CREATE TABLE things (id integer)')
  await migrate(url, directory)
  await client.query('SET ROLE payments')
  await requireMigrations(client, directory)
})
