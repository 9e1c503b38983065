import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import { waitUntil } from '@nightshift/local/wait-until'
import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { HealthDetails } from '../src/http/health-details.ts'
import { migrate } from '../src/postgres/migrate.ts'
import { type ServeOptions, serve } from '../src/process/serve.ts'
import { openLog } from '../src/telemetry/logger.ts'
import { openFreshDatabase } from './fresh-database.ts'

const patienceMs = 10_000
const limits = {
  connectionsMax: 1,
  acquireMs: 2_000,
  lockMs: 500,
  statementMs: 1_000,
  idleInTransactionMs: 1_000,
}

let open: AsyncDisposableStack
let migrations: string
let url: string

beforeEach(async () => {
  open = new AsyncDisposableStack()
  url = open.use(await openFreshDatabase(inject('parts').postgresUrl)).url
  migrations = await mkdtemp(join(tmpdir(), 'nightshift-serve-'))
  open.defer(() => rm(migrations, { recursive: true }))
  await writeFile(join(migrations, '0001_things.sql'), 'CREATE TABLE things (id integer)')
})
afterEach(() => open.disposeAsync())

/** A service whose parts write down what happens to them. */
async function serviceOf(
  happened: string[],
  stop: AbortSignal,
  cache: () => Promise<unknown> = async () => 'PONG',
) {
  const [port = 0, operationsPort = 0] = await findFreePorts(2)
  const log = openLog('served', {
    write: line => void happened.push(String(JSON.parse(line).event)),
  })
  const options: ServeOptions<'requests'> = {
    name: 'served',
    config: {
      HOST: '127.0.0.1',
      PORT: port,
      OPERATIONS_PORT: operationsPort,
      DRAIN_MS: 250,
      OTEL_TRACES_SAMPLER_ARG: 1,
    },
    log,
    stop,
    crashPoints: [],
    migrations,
    pools: { requests: { url, name: 'served', limits } },
    start: async ({ open: mine, pools }) => {
      await pools.requests.query('SELECT FROM things')
      mine.defer(() => void happened.push('own part closed'))
      return {
        app: {
          acceptAt: async () => happened.push('app listens'),
          close: async () => happened.push('app closed'),
        },
        consumers: [
          { stall: () => undefined, close: async () => void happened.push('consumer closed') },
        ],
        dependencies: { cache },
        probes: ({ isServing }) => ({ isLive: () => true, isReady: isServing }),
      }
    },
  }
  const ready = `http://127.0.0.1:${operationsPort}/health/ready`
  return {
    options,
    operationsUrl: `http://127.0.0.1:${operationsPort}`,
    isReady: () =>
      fetch(ready).then(
        answer => answer.ok,
        () => false,
      ),
  }
}

test('a service is ready when it listens, and closes what it opened in reverse', async () => {
  await migrate(url, migrations)
  const happened: string[] = []
  const stop = new AbortController()
  const { options, isReady } = await serviceOf(happened, stop.signal)
  const serving = serve(options)
  expect(await waitUntil(isReady, patienceMs, 10)).toBe(true)
  expect(happened).toEqual(['app listens', 'service.started'])
  stop.abort()
  await serving
  expect(happened.slice(2)).toEqual(['app closed', 'consumer closed', 'own part closed'])
  expect(await isReady()).toBe(false)
})

test('a service serves until its own wait before closing is over', async () => {
  await migrate(url, migrations)
  const happened: string[] = []
  const stop = new AbortController()
  const { options, isReady } = await serviceOf(happened, stop.signal)
  const left = Promise.withResolvers<void>()
  const serving = serve({
    ...options,
    start: async opened => ({
      ...(await options.start(opened)),
      leave: async ({ becomeUnready, drainMs }) => {
        becomeUnready()
        happened.push(`leaves in ${drainMs} ms`)
        await left.promise
      },
    }),
  })
  expect(await waitUntil(isReady, patienceMs, 10)).toBe(true)
  stop.abort()
  expect(await waitUntil(async () => !(await isReady()), patienceMs, 10)).toBe(true)
  expect(happened.slice(2)).toEqual(['leaves in 250 ms'])
  left.resolve()
  await serving
  expect(happened.slice(3)).toEqual(['app closed', 'consumer closed', 'own part closed'])
})

test('a database that lacks a migration is refused before anything of the service is opened', async () => {
  const happened: string[] = []
  const { options } = await serviceOf(happened, new AbortController().signal)
  await expect(serve(options)).rejects.toThrow('0001_things.sql')
  expect(happened).toEqual([])
})

test('a crash point of another process is told in the log, and arms nothing', async () => {
  await migrate(url, migrations)
  const happened: string[] = []
  const { options } = await serviceOf(happened, AbortSignal.abort())
  const config = { ...options.config, CRASH_AT: 'of.another:1' }
  await serve({ ...options, config })
  expect(happened[0]).toBe('crashpoint.elsewhere')
  await serve({ ...options, config, crashPoints: [{ 'of.another': 'It is of this one, too.' }] })
  expect(happened).toContain('crashpoint.armed')
})

test('the details name a dependency that does not answer or takes too long, and stay what they are', async () => {
  await migrate(url, migrations)
  const stop = new AbortController()
  const refuses = () => Promise.reject(new Error('the cache is away'))
  const isSilent = () => new Promise(() => {})
  for (const cache of [refuses, isSilent]) {
    const { options, isReady, operationsUrl } = await serviceOf([], stop.signal, cache)
    const serving = serve(options)
    open.defer(() => serving)
    expect(await waitUntil(isReady, patienceMs, 10)).toBe(true)
    const answer = await fetch(`${operationsUrl}/health/details`)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({
      status: 'degraded',
      databases: { requests: { answers: true } },
      dependencies: { cache: { answers: false } },
    })
  }
  stop.abort()
})

test('the details name a database that does not answer, and readiness does not depend on it', async () => {
  await migrate(url, migrations)
  const stop = new AbortController()
  const { options, isReady, operationsUrl } = await serviceOf([], stop.signal)
  const serving = serve(options)
  expect(await waitUntil(isReady, patienceMs, 10)).toBe(true)
  const details = async () =>
    (await (await fetch(`${operationsUrl}/health/details`)).json()) as HealthDetails
  expect(await details()).toMatchObject({
    status: 'ok',
    databases: { requests: { answers: true } },
    stalled: [],
  })
  const { at } = await details()
  expect((await details()).at).toBe(at)

  const admin = new pg.Client({ connectionString: inject('parts').postgresUrl })
  await admin.connect()
  open.defer(() => admin.end())
  const database = new URL(url).pathname.slice(1)
  // The database accepts no connection any more, and ends those that there are.
  await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS false`)
  await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1', [
    database,
  ])
  const isDegraded = async () => (await details()).status === 'degraded'
  expect(await waitUntil(isDegraded, patienceMs, 100)).toBe(true)
  expect(await details()).toMatchObject({ databases: { requests: { answers: false } } })
  expect(await isReady()).toBe(true)
  await admin.query(`ALTER DATABASE ${database} ALLOW_CONNECTIONS true`)
  stop.abort()
  await serving
})
