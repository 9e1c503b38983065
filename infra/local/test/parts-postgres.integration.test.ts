import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { expect, test } from 'vitest'
import { isRoot } from '../src/machine.ts'
import { findPostgres, postgres } from '../src/parts/postgres.ts'
import type { PostgresUserName } from '../src/parts/postgres-programs.ts'
import type { ProcessSpec } from '../src/supervisor/process-spec.ts'
import { contextIn, openScratch, runPart, runSpec } from './parts-process.ts'

const readyMs = 20_000
const rootUsers: PostgresUserName[] = ['namespace', 'nobody']

test('rows survive a stop, and a kill after which only a restart helps', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'postgres')
  await using first = await runPart(postgres, context)
  await first.ready(readyMs)
  await query(first, 'CREATE TABLE kept (n int)')
  await query(first, 'INSERT INTO kept VALUES (1)')
  expect(await first.stop()).toEqual({ code: 0, signal: null })

  await using second = await runPart(postgres, context)
  await second.ready(readyMs)
  await query(second, 'INSERT INTO kept VALUES (2)')
  await second.stop('SIGKILL')

  await using third = await restart(second.spec)
  expect(await query(third, 'SELECT n FROM kept ORDER BY n')).toEqual([{ n: 1 }, { n: 2 }])
})

test('the server has the settings for the relay, for lost clients and for UTC', async () => {
  await using scratch = await openScratch()
  await using server = await runPart(postgres, await contextIn(scratch.dir, 'postgres'))
  await server.ready(readyMs)
  const shown = await query(
    server,
    `SELECT name, setting FROM pg_settings WHERE name IN ('wal_level', 'server_encoding',
     'client_connection_check_interval', 'TimeZone', 'listen_addresses') ORDER BY name`,
  )
  expect(Object.fromEntries(shown.map(({ name, setting }) => [name, setting]))).toEqual({
    TimeZone: 'UTC',
    client_connection_check_interval: '1000',
    listen_addresses: '127.0.0.1',
    server_encoding: 'UTF8',
    wal_level: 'logical',
  })
})

test('a cluster whose version was lost is kept, and its file is named', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'postgres')
  const version = join(context.dataDir, 'cluster/PG_VERSION')
  await mkdir(join(version, '..'), { recursive: true })
  await writeFile(version, '')
  await expect(runPart(postgres, context)).rejects.toThrow(`${version} is damaged: run`)
})

test('a cluster that was only half made is made again', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'postgres')
  await mkdir(join(context.dataDir, 'cluster/base'), { recursive: true })
  await mkdir(join(context.dataDir, 'cluster.draft-abandoned/base'), { recursive: true })

  await using server = await runPart(postgres, context)
  await server.ready(readyMs)
  expect(await readdir(context.dataDir)).toEqual(['cluster'])
})

test('a pid file that is empty or names another program does not prevent a start', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'postgres')
  await using first = await runPart(postgres, context)
  await first.ready(readyMs)
  await first.stop()
  for (const content of ['', `${process.pid}\n`]) {
    await writeFile(join(context.dataDir, 'cluster/postmaster.pid'), content)
    await using again = await runPart(postgres, context)
    await again.ready(readyMs)
    await again.stop()
  }
})

test('data of another major version is refused, and the message names the fix', async () => {
  await using scratch = await openScratch()
  const context = await contextIn(scratch.dir, 'postgres')
  await mkdir(join(context.dataDir, 'cluster'), { recursive: true })
  await writeFile(join(context.dataDir, 'cluster/PG_VERSION'), '15\n')
  await expect(runPart(postgres, context)).rejects.toThrow(/PostgreSQL 15.*npm run reset/)
})

test.runIf(isRoot())('root starts it as another user, who then owns the files', async () => {
  await using scratch = await openScratch()
  await chmod(scratch.dir, 0o755)
  const context = await contextIn(scratch.dir, 'postgres')
  const usable: PostgresUserName[] = []
  for (const user of [...rootUsers, ...rootUsers]) {
    // In a clone of mode 0700 `nobody` can't reach the binary, so that candidate fails.
    const found = await findPostgres(context, [user])
    if (found.how !== 'native') continue
    usable.push(user)
    await using server = runSpec(await postgres.start(context, found))
    await server.ready(readyMs)
    const owner = (await stat(join(context.dataDir, 'cluster/PG_VERSION'))).uid
    expect(owner).toBe(user === 'namespace' ? 0 : 65534)
    await server.stop()
  }
  expect(usable).not.toEqual([])
})

/**
 * Restarts as the supervisor does after a kill. The first try may fail: the server's children are in
 * process groups of their own, and they hold its shared memory until they notice.
 */
async function restart(spec: ProcessSpec): Promise<ReturnType<typeof runSpec>> {
  const giveUpAt = Date.now() + readyMs
  for (;;) {
    const server = runSpec(spec)
    try {
      await server.ready(readyMs)
      return server
    } catch (error) {
      await server.stop('SIGKILL')
      if (Date.now() > giveUpAt) throw error
    }
  }
}

async function query(server: ReturnType<typeof runSpec>, text: string) {
  const { ready } = server.spec
  if (ready.kind !== 'postgres') throw new Error('not PostgreSQL')
  const client = new pg.Client({ connectionString: ready.url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
