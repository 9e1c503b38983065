import { join } from 'node:path'
import { programEnvironment } from '../machine.ts'
import type { HaproxyProgram } from '../parts/haproxy.ts'
import type { PrometheusPrograms } from '../parts/prometheus.ts'
import type { PortPlan, ReplicaPorts } from '../ports/ports.ts'
import { prepare } from '../prepare/prepare.ts'
import type { Progress } from '../progress.ts'
import { awaitInstances } from '../proxy/await-instances.ts'
import { awaitReady } from '../supervisor/await-ready.ts'
import { type ControlClient, findSupervisor } from '../supervisor/control-client.ts'
import { launchSupervisor } from '../supervisor/launch-supervisor.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { endOrphans } from '../supervisor/supervisor-file.ts'
import { addressOf, type ExternalPart, externalPartsIn } from './external-parts.ts'
import { instanceNames } from './instances.ts'
import { kafkaListeners } from './links.ts'
import { ownPorts, preflight } from './preflight.ts'
import { committedRules, type Prometheus, writePrometheusConfig } from './prometheus.ts'
import { inStartOrder, type Replicas, writeProxyConfig } from './replicas.ts'
import { loadSecrets, type Secrets } from './secrets.ts'
import { claimStart, refuseIfStopped } from './start-claim.ts'
import { type FoundPart, type PartOptions, partUrls, startParts } from './start-parts.ts'
import { repoRoot, type StatePaths } from './state.ts'
import { stopProcesses } from './stop-system.ts'
import { switchesIn } from './switches.ts'
import { writeSystemFile } from './system-file.ts'
import { type Topology, type TopologyOptions, topology } from './topology.ts'

export type StartOptions = Readonly<{
  state: StatePaths
  ports: PortPlan
  /** Set: two instances of each service behind HAProxy, which need these ports besides. */
  replicas?: ReplicaPorts | undefined
  /** The caller's: PATH and HOME, the addresses of external parts, switches for the services. */
  environment: Readonly<Record<string, string | undefined>>
  progress: Progress
  /** A stop that came later than this wins, also if it found nothing yet. */
  beganAtMs: number
  /** Aborted by Ctrl-C or `npm stop`, with an error for a person. */
  stop: AbortSignal
}>

export type StartedSystem = Readonly<{
  client: ControlClient
  secrets: Secrets
  /** The PostgreSQL server, with all rights. */
  postgresUrl: string
}>

const partsReadyMs = 90_000
const servicesReadyMs = 60_000
/** Several rounds of checks of HAProxy, and the time in which an instance warms up. */
const instancesSeenMs = 10_000

/**
 * Starts the system: the parts, then their preparation, then the processes. `afterwards` belongs to
 * the start: a failure up to its end, or Ctrl-C, stops everything again before it is thrown. Only one
 * start is under way at a time.
 */
export async function startSystem(
  options: StartOptions,
  afterwards: (system: StartedSystem) => Promise<void>,
): Promise<StartedSystem> {
  const { state, environment, ports, progress, stop } = options
  await using _claim = await claimStart(state)
  await refuseIfStopped(state, options.beganAtMs)
  const interrupted = whenInterrupted(stop)
  const step = <T>(title: string, work: () => Promise<T>): Promise<T> => {
    stop.throwIfAborted()
    return progress.step(title, () => Promise.race([work(), interrupted]))
  }

  const orphans = await endOrphans(state)
  if (orphans.length > 0) progress.report(`ended what a killed supervisor had left: ${orphans}`)
  const external = externalPartsIn(environment)
  const secrets = await loadSecrets(state.secrets)
  const parts = {
    toolsDir: state.tools,
    dataDir: state.data,
    ports,
    secrets,
    report: progress.report,
    kafkaListeners: kafkaListeners(ports),
  }
  const prometheusUrl = urlOfPrometheus(environment)
  const { found, haproxy, ...optional } = await step('Everything needed is here', () =>
    preflight(
      parts,
      { plan: ports, replicas: options.replicas },
      external,
      prometheusUrl === undefined,
    ),
  )
  stop.throwIfAborted()
  // Outside the try: if another start was faster, its system must not be stopped.
  const client = await open(options, external).catch(async error => {
    const isRunning = (await findSupervisor(state)) !== undefined
    throw isRunning ? new Error('Another start was faster. See `npm run status`.') : error
  })
  try {
    const urls = urlsOf(parts, external)
    const replicas = haproxy && options.replicas && replicasOf(state, options.replicas, haproxy)
    const prometheus = optional.prometheus && prometheusOf(options, optional.prometheus)
    const watchers = { ...(prometheus && { prometheus }), ...(prometheusUrl && { prometheusUrl }) }
    const specs = plan(options, replicas, { secrets, client, urls, external, watchers })
    const { faults, prometheus: watcher, ...processes } = specs
    await step(partsTitle(found, external), async () => {
      const names = await startParts(client, found, parts)
      // The fault proxy starts now, because everything that comes later connects through it.
      if (faults) await client.add(faults)
      await awaitReady(client, faults ? [...names, faults.name] : names, partsReadyMs)
    })
    await step('Databases, migrations and topics', () =>
      prepare({
        adminUrl: urls.postgresUrl,
        secrets,
        kafkaBrokers: urls.kafkaBrokers,
        isOurServer: !external.some(({ name }) => name === 'postgres'),
      }),
    )
    await step(
      replicas ? 'Simulators, HAProxy and two of each service' : 'Simulators and services',
      async () => {
        if (replicas) await writeProxyConfig(specs, replicas)
        if (prometheus) await writePrometheusConfig(specs, prometheus)
        // It is not awaited: a system without alerts serves as well.
        if (watcher) await client.add(watcher)
        await startAll(client, Object.values(processes))
        if (specs.haproxy) await awaitAllInstances(specs.haproxy)
      },
    )
    const system = { client, secrets, postgresUrl: urls.postgresUrl }
    await Promise.race([afterwards(system), interrupted])
    return system
  } catch (error) {
    await progress.step('Stopped everything again', () => stopProcesses(state))
    throw error
  }
}

async function open(
  { state, ports, replicas, environment }: StartOptions,
  external: readonly ExternalPart[],
): Promise<ControlClient> {
  const env = programEnvironment(environment)
  const { client } = await launchSupervisor({ state, port: ports.supervisor, env })
  await writeSystemFile(state, {
    ports: ownPorts({ plan: ports, replicas }, external, false).map(({ port }) => port),
    external: external.map(part => ({ name: part.name, address: addressOf(part) })),
  })
  return client
}

/** The processes besides the parts, with a link for every connection that can have one. */
function plan(
  { state, ports, environment }: StartOptions,
  replicas: Replicas | undefined,
  {
    secrets,
    client,
    urls,
    external,
    watchers,
  }: {
    secrets: Secrets
    client: ControlClient
    urls: ReturnType<typeof partUrls>
    external: readonly ExternalPart[]
    watchers: Pick<TopologyOptions, 'prometheus' | 'prometheusUrl'>
  },
): Topology {
  return topology({
    nodePath: process.execPath,
    repoRoot,
    dataDir: state.data,
    ports,
    links: { ports, external: external.map(({ name }) => name) },
    ...(replicas && { replicas }),
    ...watchers,
    secrets,
    controlToken: client.token,
    console: {
      supervisorUrl: client.url,
      processPrefix: '',
      loadDir: join(state.run, 'load'),
      stateDir: state.dir,
      adminUrl: urls.postgresUrl,
    },
    ...urls,
    nodeEnv: 'development',
    switches: switchesIn(environment),
  })
}

function replicasOf(state: StatePaths, ports: ReplicaPorts, proxy: HaproxyProgram): Replicas {
  return { ports, proxy, proxyConfigFile: join(state.data, 'haproxy', 'haproxy.cfg') }
}

/** @throws a message for a URL that is none, before anything is started */
function urlOfPrometheus({ PROMETHEUS_URL: url }: StartOptions['environment']): string | undefined {
  if (!url) return undefined
  const { protocol = '' } = URL.parse(url) ?? {}
  if (/^https?:$/.test(protocol)) return url
  throw new Error(
    `PROMETHEUS_URL is ${JSON.stringify(url)}, and must be like http://127.0.0.1:9090`,
  )
}

/** Often enough for a person who watches; the rules of production are judged as often. */
const scrapeInterval = '5s'

function prometheusOf({ state, ports }: StartOptions, programs: PrometheusPrograms): Prometheus {
  const dir = join(state.data, 'prometheus')
  return { programs, port: ports.prometheus, dir, rulesFile: committedRules, scrapeInterval }
}

/** HAProxy has asked every instance by then; before, it would refuse the first requests. */
async function awaitAllInstances({ url = '' }: ProcessSpec): Promise<void> {
  await awaitInstances(url, instanceNames, instancesSeenMs)
}

async function startAll(client: ControlClient, specs: readonly ProcessSpec[]): Promise<void> {
  for (const names of inStartOrder(specs.map(({ name }) => name))) {
    for (const spec of specs.filter(({ name }) => names.includes(name))) await client.add(spec)
    await awaitReady(client, names, servicesReadyMs)
  }
}

/** The URLs of our own parts, unless the environment names external ones. */
function urlsOf(options: PartOptions, external: readonly ExternalPart[]) {
  const own = partUrls(options)
  const elsewhere = Object.fromEntries(external.map(({ name, value }) => [name, value]))
  return {
    postgresUrl: elsewhere['postgres'] ?? own.postgresUrl,
    redisUrl: elsewhere['redis'] ?? own.redisUrl,
    kafkaBrokers: elsewhere['kafka'] ?? own.kafkaBrokers,
  }
}

function partsTitle(found: readonly FoundPart[], external: readonly ExternalPart[]): string {
  const versions = found.map(({ name, found: { version } }) => `${name} ${version}`)
  return [...versions, ...external.map(({ name }) => `${name} (external, without links)`)].join(
    ', ',
  )
}

/** Never resolves; rejects on Ctrl-C. A rejection after the start is over is not an error. */
function whenInterrupted(stop: AbortSignal): Promise<never> {
  const interrupted = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(stop.reason), { once: true })
  })
  interrupted.catch(() => undefined)
  return interrupted
}
