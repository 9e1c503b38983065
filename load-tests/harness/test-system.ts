import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type FaultProxyClient, faultProxyClient } from '@nightshift/faults/fault-proxy-client'
import { findHaproxy } from '@nightshift/local/parts/haproxy'
import { findPrometheus } from '@nightshift/local/parts/prometheus'
import { findFreePorts } from '@nightshift/local/ports/free-ports'
import type { LinkPorts, ListenerPorts, ReplicaPorts } from '@nightshift/local/ports/ports'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { RoleName } from '@nightshift/local/prepare/database-roles'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { deleteTopics, prepareTopics } from '@nightshift/local/prepare/prepare-topics'
import { takeRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { awaitInstances } from '@nightshift/local/proxy/await-instances'
import { controlClient } from '@nightshift/local/supervisor/control-client'
import type { ProcessSpec } from '@nightshift/local/supervisor/process-spec'
import { type InstanceName, instanceNames, instancesOf } from '@nightshift/local/system/instances'
import { type Prometheus, writePrometheusConfig } from '@nightshift/local/system/prometheus'
import { inStartOrder, type Replicas, writeProxyConfig } from '@nightshift/local/system/replicas'
import { rollingRestart } from '@nightshift/local/system/rolling-restart'
import { type Secrets, type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { type ProcessName, type TopologyOptions, topology } from '@nightshift/local/system/topology'
import type pg from 'pg'
import { takeListeners } from './take-listeners.ts'
import { copyDatabases, dropDatabases } from './test-databases.ts'
import type { TestParts } from './test-parts.ts'
import { controlProcesses, type TestProcesses } from './test-processes.ts'

export type TestSystemOptions = Readonly<{
  /** In a test: `inject('parts')`. */
  parts: TestParts
  /** The processes to start now. Others can start later. The fault proxy comes with `links`. */
  run: readonly ProcessName[]
  /** Settings on top of the usual ones, for each process. */
  env?: Readonly<Partial<Record<ProcessName, Readonly<Record<string, string>>>>>
  /**
   * Every connection between two processes, and from clients to services, goes through the fault
   * proxy. Kafka's advertised listeners are fixed when it starts. So at most as many systems as there
   * are `listenerPorts` can have links at the same time; one more is refused. `log-only` keeps the log of
   * faults, and every connection is direct.
   */
  links?: boolean | 'log-only'
  /** Two instances of each service that runs, behind HAProxy at the service's own port. */
  replicas?: 2
  /** The file of rules that a Prometheus of this system judges. Unset: it has none. */
  rules?: Readonly<{ file: string; scrapeInterval: string }>
}>

/** Real processes on private databases and topics. Disposing of the system removes all of them. */
export type TestSystem = AsyncDisposable &
  TestProcesses &
  Readonly<{
    /** Fixed from the beginning, whether the process runs or not. They lead over the links, if any. */
    urls: TestUrls
    /** Breaks links. Absent when the system has none. */
    faults?: FaultProxyClient
    apiKeys: Secrets['apiKeys']
    secrets: Secrets
    /** Opens the settings of the simulators. */
    controlToken: string
    /** The page on which HAProxy shows the states of the instances. Absent without `replicas`. */
    statsUrl?: string
    /** Absent without `rules`. */
    prometheusUrl?: string
    /** Makes Prometheus forget a service, or know all of them again. Without `rules` it does nothing. */
    forgetAtPrometheus: (service: ServiceName | undefined) => Promise<void>
    /** The URL of a superuser, for what a test has to read or to damage. */
    databaseUrl: (service: ServiceName) => string
    redisUrl: string
    brokers: string
    /** The prefix of topics and consumer groups. */
    prefix: string
  }>

export type TestUrls = Readonly<
  Record<
    ServiceName | `${ServiceName}Operations` | 'cardProvider' | 'mailbox' | 'traceSink' | 'console',
    string
  >
>

/** Opens a system for one test, or for one file of tests, and waits until it is ready. */
export async function openTestSystem(options: TestSystemOptions): Promise<TestSystem> {
  const { parts } = options
  const run = options.run
    .filter(name => name !== 'faults')
    .flatMap(name => (options.replicas && isService(name) ? instancesOf(name) : [name]))
  const id = `t_${randomBytes(4).toString('hex')}`
  const prefix = `${id}.`
  const databases = databasesOf(id)
  await using undo = new AsyncDisposableStack()
  undo.defer(() => dropDatabases(parts.postgresUrl, databases))
  undo.defer(() => deleteTopics(parts.kafkaBrokers, prefix))

  const portsNeeded =
    portsEach +
    (options.links ? linkPortsEach : 0) +
    (options.replicas ? replicaPortsEach : 0) +
    (options.rules ? 1 : 0)
  const [free, redisUrl] = await Promise.all([
    // All at once: nothing listens on a chosen port yet, so a second call could choose it again.
    findFreePorts(portsNeeded),
    takeRedisDatabase(parts.redisUrl),
    copyDatabases(parts.postgresUrl, parts.templates, databases),
    prepareTopics(parts.kafkaBrokers, prefix),
  ])
  const ports = takePorts(free)
  const links = options.links && {
    ...(await openLinks(parts, free, undo)),
    logOnly: options.links === 'log-only',
  }
  const replicas = options.replicas ? await openReplicas(parts, id, free) : undefined
  const prometheus = options.rules && (await openPrometheus(parts, id, options.rules, free))
  const specs = topology({
    ...testRunOptions(parts, id),
    ports,
    databases,
    redisUrl,
    kafkaPrefix: prefix,
    exportTraces: run.includes('trace-sink'),
    ...(links && {
      links,
      console: {
        supervisorUrl: parts.control.url,
        processPrefix: `${id}_`,
        loadDir: join(parts.stateDir, 'data', id, 'load'),
        stateDir: parts.stateDir,
        adminUrl: parts.postgresUrl,
      },
    }),
    ...(replicas && { replicas }),
    ...(prometheus && { prometheus }),
  })
  const processes = controlProcesses(controlClient(parts.control), name => {
    const spec = specs[name]
    if (spec === undefined)
      throw new Error(`this system has no ${name}: it needs links or replicas`)
    return { ...spec, name: `${id}_${name}`, env: { ...spec.env, ...options.env?.[name] } }
  })
  undo.defer(processes.removeAll)
  if (links) {
    // The proxy starts before the others, which would find nothing at the ends of their links.
    await processes.start('faults')
    await processes.waitReady('faults')
  }
  if (replicas) {
    await writeProxyConfig(specs, replicas)
    await processes.start('haproxy')
  }
  if (prometheus) {
    await writePrometheusConfig(specs, prometheus)
    await processes.start('prometheus')
    await processes.waitReady('prometheus')
  }
  for (const names of inStartOrder(run)) {
    await Promise.all(names.map(name => processes.start(name)))
    await Promise.all(names.map(name => processes.waitReady(name)))
  }
  const statsUrl = specs.haproxy?.url
  if (statsUrl !== undefined) await awaitInstances(statsUrl, run.filter(isInstance), seenMs)

  const disposal = undo.move()
  return {
    ...processes,
    urls: urlsOf(ports),
    ...(links && {
      faults: faultProxyClient(`http://127.0.0.1:${links.ports.faults}`, parts.control.token),
    }),
    ...(statsUrl !== undefined && { statsUrl }),
    ...(specs.prometheus?.url !== undefined && { prometheusUrl: specs.prometheus.url }),
    async forgetAtPrometheus(service) {
      if (!prometheus) return
      const { [service ?? '']: _forgotten, ...known } = specs as Readonly<
        Record<string, ProcessSpec>
      >
      await writePrometheusConfig(known, prometheus)
      await processes.signal('prometheus', 'SIGHUP')
    },
    apiKeys: parts.secrets.apiKeys,
    secrets: parts.secrets,
    controlToken: parts.control.token,
    databaseUrl: service => databaseUrl(parts.postgresUrl, { database: databases[service] }),
    redisUrl,
    brokers: parts.kafkaBrokers,
    prefix,
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

/** Several rounds of checks of HAProxy, and the time in which an instance warms up. */
const seenMs = 10_000

function isService(name: ProcessName): name is ServiceName {
  return serviceNames.some(service => service === name)
}

function isInstance(name: ProcessName): name is InstanceName {
  return instanceNames.some(instance => instance === name)
}

/** Restarts all instances of a system in turn, as `npm run rolling-restart` does. */
export async function restartInTurn(
  { prefix, statsUrl = '' }: Pick<TestSystem, 'prefix' | 'statsUrl'>,
  parts: TestParts,
): Promise<InstanceName[]> {
  const done: InstanceName[] = []
  await rollingRestart({
    client: controlClient(parts.control),
    nameOf: name => `${prefix.replace(/\.$/, '')}_${name}`,
    statsUrl,
    restarted: instance => void done.push(instance),
  })
  return done
}

/** The URL by which one of a service's roles connects to its database. */
export function roleUrl(system: TestSystem, role: RoleName): string {
  const admin = system.databaseUrl(role.split('_')[0] as ServiceName)
  const database = new URL(admin).pathname.slice(1)
  const password = system.secrets.rolePasswords[role]
  return databaseUrl(admin, { database, role, password })
}

/** A session of one of the service's roles. */
export function asRole<T>(
  system: TestSystem,
  role: RoleName,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  return withDatabase(roleUrl(system, role), work)
}

/** HAProxy, and ports for it and for the instances of one system. */
async function openReplicas(parts: TestParts, id: string, free: number[]): Promise<Replicas> {
  const proxy = await findHaproxy({ toolsDir: statePaths().tools })
  if (proxy.how === 'missing') throw new Error(`${proxy.needed} is missing: ${proxy.fix}`)
  return {
    ports: takeReplicaPorts(free),
    proxy: proxy.run,
    proxyConfigFile: join(parts.stateDir, 'data', id, 'haproxy', 'haproxy.cfg'),
  }
}

async function openPrometheus(
  parts: TestParts,
  id: string,
  { file, scrapeInterval }: NonNullable<TestSystemOptions['rules']>,
  free: number[],
): Promise<Prometheus> {
  const found = await findPrometheus({ toolsDir: statePaths().tools })
  if (found.how === 'missing') throw new Error(`${found.needed} is missing: ${found.fix}`)
  return {
    programs: found.run,
    port: free.pop() ?? 0,
    dir: join(parts.stateDir, 'data', id, 'prometheus'),
    rulesFile: file,
    scrapeInterval,
  }
}

/** Takes ports for the links of one system. Disposal gives the Kafka listeners back. */
async function openLinks(parts: TestParts, free: number[], undo: AsyncDisposableStack) {
  const listeners = await takeListeners(parts)
  undo.defer(listeners.giveBack)
  return { ports: { ...takeLinkPorts(free), ...listeners.ports }, external: [] }
}

function databasesOf(id: string): Record<ServiceName, string> {
  return {
    payments: `${id}_payments`,
    listings: `${id}_listings`,
    notifications: `${id}_notifications`,
  }
}

/** The options that all systems of one test run have in common. */
function testRunOptions(parts: TestParts, id: string) {
  return {
    nodePath: process.execPath,
    repoRoot,
    dataDir: join(parts.stateDir, 'data', id),
    secrets: parts.secrets,
    controlToken: parts.control.token,
    postgresUrl: parts.postgresUrl,
    kafkaBrokers: parts.kafkaBrokers,
    nodeEnv: 'test',
    switches: {},
  } as const
}

const portsEach = 11

function takePorts(free: number[]): TopologyOptions['ports'] {
  const next = () => free.pop() ?? 0
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
    console: next(),
  }
}

const linkPortsEach = 11

function takeLinkPorts(free: number[]): Omit<LinkPorts, keyof ListenerPorts> {
  const next = () => free.pop() ?? 0
  return {
    faults: next(),
    paymentsPrivate: next(),
    listingsPrivate: next(),
    notificationsPrivate: next(),
    listingsToPayments: next(),
    paymentsToProvider: next(),
    paymentsToPostgres: next(),
    listingsToPostgres: next(),
    notificationsToPostgres: next(),
    listingsToRedis: next(),
    notificationsToMail: next(),
  }
}

const replicaPortsEach = 10

function takeReplicaPorts(free: number[]): ReplicaPorts {
  const next = () => free.pop() ?? 0
  return {
    proxyOperations: next(),
    paymentsFirst: next(),
    paymentsSecond: next(),
    paymentsSecondOperations: next(),
    listingsFirst: next(),
    listingsSecond: next(),
    listingsSecondOperations: next(),
    notificationsFirst: next(),
    notificationsSecond: next(),
    notificationsSecondOperations: next(),
  }
}

function urlsOf(ports: TopologyOptions['ports']): TestUrls {
  const { smtp: _, ...http } = ports
  const entries = Object.entries(http).map(([name, port]) => [name, `http://127.0.0.1:${port}`])
  return Object.fromEntries(entries)
}
