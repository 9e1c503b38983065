import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { controlClient } from './control-client.ts'
import { databaseUrl } from './database-url.ts'
import { findFreePorts } from './free-ports.ts'
import { deleteTopics, prepareTopics } from './prepare-topics.ts'
import { takeRedisDatabase } from './redis-database.ts'
import type { Secrets, ServiceName } from './secrets.ts'
import { repoRoot } from './state.ts'
import { copyDatabases, dropDatabases } from './test-databases.ts'
import type { TestParts } from './test-parts.ts'
import { controlProcesses, type TestProcesses } from './test-processes.ts'
import { type ProcessName, type TopologyOptions, topology } from './topology.ts'

export type TestSystemOptions = Readonly<{
  /** `inject('parts')` */
  parts: TestParts
  /** What to start now; anything else can be started later. */
  run: readonly ProcessName[]
  /** Settings on top of the usual ones, by process. */
  env?: Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>>
}>

/** Real processes on databases and topics of their own. Disposing of it removes all of them. */
export type TestSystem = AsyncDisposable &
  TestProcesses &
  Readonly<{
    /** Fixed from the beginning, whether the process runs or not. */
    urls: TestUrls
    apiKeys: Secrets['apiKeys']
    secrets: Secrets
    /** With all rights, for what a test has to see or to spoil. */
    databaseUrl: (service: ServiceName) => string
    redisUrl: string
    brokers: string
    /** Of topics and consumer groups. */
    prefix: string
  }>

export type TestUrls = Readonly<
  Record<
    ServiceName | `${ServiceName}Operations` | 'cardProvider' | 'mailbox' | 'traceSink',
    string
  >
>

/** Opens a system for one test, or for one file of tests, and waits until it is ready. */
export async function openTestSystem(options: TestSystemOptions): Promise<TestSystem> {
  const { parts, run } = options
  const id = `t_${randomBytes(4).toString('hex')}`
  const prefix = `${id}.`
  const databases = databasesOf(id)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => dropDatabases(parts.postgresUrl, databases))
  undo.defer(() => deleteTopics(parts.kafkaBrokers, prefix))

  const [ports, redisUrl] = await Promise.all([
    choosePorts(),
    takeRedisDatabase(parts.redisUrl),
    copyDatabases(parts.postgresUrl, parts.templates, databases),
    prepareTopics(parts.kafkaBrokers, prefix),
  ])
  const specs = topology({
    ...whereTheTestRuns(parts, id),
    ports,
    databases,
    redisUrl,
    kafkaPrefix: prefix,
    exportTraces: run.includes('trace-sink'),
  })
  const processes = controlProcesses(controlClient(parts.control), name => {
    const spec = specs[name]
    return { ...spec, name: `${id}_${name}`, env: { ...spec.env, ...options.env?.[name] } }
  })
  undo.defer(processes.removeAll)
  await Promise.all(run.map(name => processes.start(name)))
  await Promise.all(run.map(name => processes.waitReady(name)))

  const disposal = undo.move()
  return {
    ...processes,
    urls: urlsOf(ports),
    apiKeys: parts.secrets.apiKeys,
    secrets: parts.secrets,
    databaseUrl: service => databaseUrl(parts.postgresUrl, { database: databases[service] }),
    redisUrl,
    brokers: parts.kafkaBrokers,
    prefix,
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

function databasesOf(id: string): Record<ServiceName, string> {
  return {
    payments: `${id}_payments`,
    listings: `${id}_listings`,
    notifications: `${id}_notifications`,
  }
}

/** What is the same for all systems of one test run. */
function whereTheTestRuns(parts: TestParts, id: string) {
  return {
    nodePath: process.execPath,
    repoRoot,
    dataDir: join(parts.stateDir, 'data', id),
    secrets: parts.secrets,
    postgresUrl: parts.postgresUrl,
    kafkaBrokers: parts.kafkaBrokers,
    nodeEnv: 'test',
    switches: {},
  } as const
}

async function choosePorts(): Promise<TopologyOptions['ports']> {
  const ports = await findFreePorts(10)
  const next = () => ports.pop() ?? 0
  return {
    payments: next(),
    listings: next(),
    notifications: next(),
    paymentsOperations: next(),
    listingsOperations: next(),
    notificationsOperations: next(),
    cardProvider: next(),
    mailbox: next(),
    smtp: next(),
    traceSink: next(),
  }
}

function urlsOf(ports: TopologyOptions['ports']): TestUrls {
  const { smtp: _, ...http } = ports
  const entries = Object.entries(http).map(([name, port]) => [name, `http://127.0.0.1:${port}`])
  return Object.fromEntries(entries)
}
