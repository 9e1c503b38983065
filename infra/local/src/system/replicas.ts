import { mkdir, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { HaproxyProgram } from '../parts/haproxy.ts'
import type { ReplicaPorts } from '../ports/ports.ts'
import { haproxyConfig, type ProxiedService } from '../proxy/haproxy-config.ts'
import { proxyLimits } from '../proxy/limits.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { type InstanceName, instancesOf, secondInstances } from './instances.ts'
import { type ServiceName, serviceNames } from './secrets.ts'

const host = '127.0.0.1'
const proxyStopGraceMs = 5_000
const proxyStartTimeoutMs = 15_000

/** The processes that only a system with two instances of each service has. */
export const replicaNames = ['haproxy', ...Object.values(secondInstances)] as const
export type ReplicaName = (typeof replicaNames)[number]

export type Replicas = Readonly<{
  ports: ReplicaPorts
  proxy: Pick<HaproxyProgram, 'program' | 'libraries'>
  /** Where the configuration of HAProxy is; `writeProxyConfig` writes it. */
  proxyConfigFile: string
}>

/**
 * Splits processes into those to start first, and the second instances. Six services that start at
 * once on two cores take so long to connect to PostgreSQL that some give up.
 */
export function inStartOrder<Name extends string>(names: readonly Name[]): Name[][] {
  const isSecond = (name: string) => Object.values<string>(secondInstances).includes(name)
  return [names.filter(name => !isSecond(name)), names.filter(isSecond)]
}

type ServiceSpecs = Readonly<Record<ServiceName, ProcessSpec>>
type ReplicatedSpecs = ServiceSpecs & Readonly<Record<ReplicaName, ProcessSpec>>

/**
 * Two instances of each service, and HAProxy at the ports at which the services would listen. So
 * clients, links and other services keep the addresses that they have.
 */
export function withReplicas(services: ServiceSpecs, replicas: Replicas): ReplicatedSpecs {
  const { ports } = replicas
  const first = (name: ServiceName) =>
    instance(services[name], {
      name,
      port: ports[`${name}First`],
      operationsPort: Number(services[name].env['OPERATIONS_PORT']),
    })
  const second = (name: ServiceName) =>
    instance(services[name], {
      name: secondInstances[name],
      port: ports[`${name}Second`],
      operationsPort: ports[`${name}SecondOperations`],
    })
  return {
    // The proxy stands before the services, so it starts before them and stops after them.
    haproxy: haproxy(
      replicas,
      serviceNames.map(name => portOf(services[name])),
    ),
    payments: first('payments'),
    'payments-2': second('payments'),
    listings: first('listings'),
    'listings-2': second('listings'),
    notifications: first('notifications'),
    'notifications-2': second('notifications'),
  }
}

type Place = Readonly<{ name: InstanceName; port: number; operationsPort: number }>

function instance(spec: ProcessSpec, { name, port, operationsPort }: Place): ProcessSpec {
  return {
    ...spec,
    name,
    env: {
      ...spec.env,
      PORT: String(port),
      OPERATIONS_PORT: String(operationsPort),
      DRAIN_MS: String(proxyLimits.drainMs),
    },
    ports: [port, operationsPort],
    ready: { kind: 'http', url: `http://${host}:${operationsPort}/health/ready` },
  }
}

function haproxy(
  { proxy, ports, proxyConfigFile }: Replicas,
  clientPorts: readonly number[],
): ProcessSpec {
  const pages = `http://${host}:${ports.proxyOperations}`
  return {
    name: 'haproxy',
    kind: 'part',
    command: proxy.program,
    // In the foreground, whatever a configuration says.
    args: ['-db', '-f', proxyConfigFile],
    cwd: dirname(proxyConfigFile),
    env: proxy.libraries === '' ? {} : { LD_LIBRARY_PATH: proxy.libraries },
    url: `${pages}/stats`,
    ports: [...clientPorts, ports.proxyOperations],
    ready: { kind: 'http', url: `${pages}/health` },
    // HAProxy ends at once at SIGTERM. By then the services have answered everything.
    stopSignal: 'SIGTERM',
    stopGraceMs: proxyStopGraceMs,
    startTimeoutMs: proxyStartTimeoutMs,
  }
}

/** Writes the configuration of HAProxy for these processes. It has to be there before they start. */
export async function writeProxyConfig(
  specs: Readonly<Partial<ReplicatedSpecs>>,
  { ports, proxyConfigFile }: Replicas,
): Promise<void> {
  const services = serviceNames.map((name, at): ProxiedService => {
    const instances = instancesOf(name).flatMap(each => {
      const spec = specs[each]
      if (spec === undefined) return []
      const operationsPort = Number(spec.env['OPERATIONS_PORT'])
      return [{ name: each, host, port: portOf(spec), operationsPort }]
    })
    return { name, port: specs.haproxy?.ports[at] ?? 0, instances }
  })
  await mkdir(dirname(proxyConfigFile), { recursive: true })
  await writeFile(
    proxyConfigFile,
    haproxyConfig({ host, operationsPort: ports.proxyOperations, services }),
  )
}

function portOf(spec: ProcessSpec): number {
  return Number(spec.env['PORT'])
}
