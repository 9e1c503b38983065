import { join } from 'node:path'
import type { LinkPorts, PortPlan } from '../ports/ports.ts'
import type { RoleName } from '../prepare/database-roles.ts'
import { databaseUrl } from '../prepare/database-url.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import { secondInstances } from './instances.ts'
import {
  addressOver,
  type Link,
  type LinkOptions,
  listenPorts,
  planLinks,
  urlOver,
} from './links.ts'
import { type Prometheus, prometheusProcess } from './prometheus.ts'
import { type ReplicaName, type Replicas, withReplicas } from './replicas.ts'
import { type Secrets, type ServiceName, serviceNames } from './secrets.ts'

const host = '127.0.0.1'

export type TopologyOptions = Readonly<{
  /** The Node that runs the services: the one that runs this command. */
  nodePath: string
  repoRoot: string
  /** Where the simulators keep their logs, one directory each. */
  dataDir: string
  ports: Omit<
    PortPlan,
    | 'postgres'
    | 'redis'
    | 'kafka'
    | 'kafkaController'
    | 'supervisor'
    | 'prometheus'
    | keyof LinkPorts
  >
  /**
   * Unset: every connection is direct, and there is no fault proxy. With `logOnly` every connection is
   * direct, too: the proxy has no link, and only keeps the log of faults that are no link's.
   */
  links?: Readonly<{ ports: LinkPorts; logOnly?: boolean } & Pick<LinkOptions, 'external'>>
  /**
   * The page that shows the system and breaks it. It needs links. `processPrefix` comes before the names
   * of the processes at the supervisor.
   */
  console?: Readonly<{
    supervisorUrl: string
    processPrefix: string
    loadDir: string
    /** The directory of the state, for the systems that the console starts itself. */
    stateDir: string
    /** A URL of PostgreSQL with all rights. */
    adminUrl: string
  }>
  /** Two instances of each service behind HAProxy. Unset: one, without a proxy. */
  replicas?: Replicas
  /** Asks every service for its metrics, and judges the rules. Unset: there are no alerts. */
  prometheus?: Prometheus
  /** A Prometheus that runs elsewhere. The console asks it for alerts. */
  prometheusUrl?: string
  secrets: Secrets
  /** Opens the control APIs of the simulators and of the fault proxy. */
  controlToken: string
  /** Any URL of the PostgreSQL server; role and database are replaced. */
  postgresUrl: string
  /** The database of each service. Unset: it has the name of the service. */
  databases?: Readonly<Record<ServiceName, string>>
  redisUrl: string
  kafkaBrokers: string
  /** The prefix of topics and groups: tests share a broker, but no records. */
  kafkaPrefix?: string
  nodeEnv: 'development' | 'test'
  /** Unset: yes. Tests without a trace sink turn it off. */
  exportTraces?: boolean
  /** Switches for every service, as `switchesIn` answers them. */
  switches: Readonly<Record<string, string>>
}>

/** The processes of a system with one instance of each service. */
export const processNames = [
  'faults',
  'trace-sink',
  'card-provider',
  'mailbox',
  'payments',
  'listings',
  'notifications',
] as const
export type ProcessName = (typeof processNames)[number] | 'console' | 'prometheus' | ReplicaName

/** Only some systems have these: without links there is no fault proxy, and no console. */
type Optional = 'faults' | 'console' | 'prometheus' | ReplicaName
export type Topology = Readonly<
  Record<Exclude<ProcessName, Optional>, ProcessSpec> & Partial<Record<Optional, ProcessSpec>>
>

/**
 * The processes of the system besides its three real parts, and the settings by which each finds the
 * others. Pure: `npm start`, the tests and the check of the Compose file all use this answer.
 */
export function topology(options: TopologyOptions): Topology {
  const { ports, secrets, controlToken } = options
  const links = linksOf(options)
  /** Where the simulators report a change of their fault settings. */
  const faultLog: Record<string, string> =
    options.links === undefined
      ? {}
      : { FAULT_LOG_URL: `http://${host}:${options.links.ports.faults}` }
  const over = (name: Link['name'], directPort: number) =>
    addressOver(links, name, `${host}:${directPort}`)

  const services = planServices(options, links)
  return {
    ...(options.links && { faults: faults(options, options.links.ports, links) }),
    'trace-sink': simulator(options, 'trace-sink', 'infra/observability/src/trace-sink.ts', {
      PORT: String(ports.traceSink),
    }),
    'card-provider': simulator(
      options,
      'card-provider',
      'infra/simulators/card-provider/src/main.ts',
      {
        PORT: String(ports.cardProvider),
        SECRET_KEY: secrets.cardProviderSecretKey,
        WEBHOOK_URL: `http://${over('client-payments', ports.payments)}/v1/provider-webhooks`,
        WEBHOOK_SECRET: secrets.cardProviderWebhookSecret,
        CONTROL_TOKEN: controlToken,
        PROVIDER_LOG: join(options.dataDir, 'card-provider', 'provider.jsonl'),
        ...faultLog,
      },
    ),
    mailbox: simulator(options, 'mailbox', 'infra/simulators/mailbox/src/main.ts', {
      PORT: String(ports.mailbox),
      SMTP_PORT: String(ports.smtp),
      CONTROL_TOKEN: controlToken,
      MAIL_LOG: join(options.dataDir, 'mailbox', 'mails.jsonl'),
      ...faultLog,
    }),
    ...(options.replicas ? withReplicas(services, options.replicas) : services),
    ...(options.prometheus && { prometheus: prometheusProcess(options.prometheus) }),
    ...(options.console && options.links && { console: consoleOf(options, options.console) }),
  }
}

/** The services with their settings, each as one instance. */
function planServices(
  options: TopologyOptions,
  links: readonly Link[],
): Readonly<Record<ServiceName, ProcessSpec>> {
  const { ports, secrets } = options
  const serviceEnv = (name: ServiceName) => environmentOfService(options, links, name)
  const databaseFor = (name: ServiceName, role: RoleName) =>
    databaseUrlOf(options, links, name, role)
  const over = (name: Link['name'], directPort: number) =>
    addressOver(links, name, `${host}:${directPort}`)
  return {
    payments: service(options, 'payments', {
      ...serviceEnv('payments'),
      WORKER_DATABASE_URL: databaseFor('payments', 'payments_worker'),
      RELAY_DATABASE_URL: databaseFor('payments', 'payments_relay'),
      API_KEY_PEPPER: secrets.apiKeyPeppers.payments,
      CARD_PROVIDER_URL: `http://${over('payments-provider', ports.cardProvider)}`,
      CARD_PROVIDER_SECRET_KEY: secrets.cardProviderSecretKey,
      CARD_PROVIDER_WEBHOOK_SECRETS: secrets.cardProviderWebhookSecret,
      // Payments works without Redis, so it has no link of its own to it.
      REDIS_URL: urlOver(links, 'listings-redis', options.redisUrl),
    }),
    listings: service(options, 'listings', {
      ...serviceEnv('listings'),
      WORKER_DATABASE_URL: databaseFor('listings', 'listings_worker'),
      RELAY_DATABASE_URL: databaseFor('listings', 'listings_relay'),
      API_KEY_PEPPER: secrets.apiKeyPeppers.listings,
      REDIS_URL: urlOver(links, 'listings-redis', options.redisUrl),
      PAYMENTS_URL: `http://${over('listings-payments', ports.payments)}`,
      PAYMENTS_SERVICE_KEY: secrets.paymentsServiceKey,
    }),
    notifications: service(options, 'notifications', {
      ...serviceEnv('notifications'),
      SMTP_URL: `smtp://${over('notifications-mail', ports.smtp)}`,
      // The address that candidates reach; with links, a proxy listens there.
      PUBLIC_URL: `http://${host}:${ports.notifications}`,
      MAIL_LINK_SECRETS: secrets.mailLinkSecret,
      // All clients of one machine have the same address.
      ALERTS_PER_CLIENT_PER_SECOND: '100',
      BEHIND_PROXY: options.replicas ? 'yes' : 'no',
    }),
  }
}

function linksOf({ links, ports, postgresUrl, redisUrl }: TopologyOptions): Link[] {
  if (!areOpen(links)) return []
  const { external } = links
  return planLinks({ ports: { ...ports, ...links.ports }, postgresUrl, redisUrl, external })
}

/** The port that a service binds. With links the fault proxy has its public port. */
function boundPort({ links, ports }: TopologyOptions, name: ServiceName): number {
  return areOpen(links) ? links.ports[`${name}Private`] : ports[name]
}

function areOpen(links: TopologyOptions['links']): links is NonNullable<TopologyOptions['links']> {
  return links !== undefined && !links.logOnly
}

/** The settings that every service has. */
function environmentOfService(
  options: TopologyOptions,
  links: readonly Link[],
  name: ServiceName,
): Record<string, string> {
  const { ports, kafkaBrokers, kafkaPrefix } = options
  return {
    HOST: host,
    PORT: String(boundPort(options, name)),
    OPERATIONS_PORT: String(ports[`${name}Operations`]),
    DATABASE_URL: databaseUrlOf(options, links, name, name),
    KAFKA_BROKERS: addressOver(links, `${name}-kafka`, kafkaBrokers),
    ...(kafkaPrefix === undefined ? {} : { KAFKA_PREFIX: kafkaPrefix }),
    ...(options.exportTraces === false
      ? {}
      : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}:${ports.traceSink}` }),
    LOG_LEVEL: 'info',
    NODE_ENV: options.nodeEnv,
    ...options.switches,
  }
}

/** The URL over the service's link to PostgreSQL, for one of its roles. */
function databaseUrlOf(
  { postgresUrl, databases, secrets }: TopologyOptions,
  links: readonly Link[],
  name: ServiceName,
  role: RoleName,
): string {
  return databaseUrl(urlOver(links, `${name}-postgres`, postgresUrl), {
    database: databases?.[name] ?? name,
    role,
    password: secrets.rolePasswords[role],
  })
}

/** The proxies of all links in one process, with the log of all faults. */
function faults(options: TopologyOptions, ports: LinkPorts, links: readonly Link[]): ProcessSpec {
  const env = {
    PORT: String(ports.faults),
    LINKS: JSON.stringify(links),
    CONTROL_TOKEN: options.controlToken,
    FAULT_LOG: join(options.dataDir, 'faults', 'faults.jsonl'),
  }
  const spec = simulator(options, 'faults', 'infra/faults/src/main.ts', env)
  return { ...spec, ports: [...spec.ports, ...listenPorts(links)] }
}

function simulator(
  options: TopologyOptions,
  name: Exclude<ProcessName, ServiceName | ReplicaName>,
  mainFile: string,
  env: Readonly<Record<'PORT', string> & Record<string, string>>,
): ProcessSpec {
  const url = `http://${host}:${env.PORT}`
  return nodeProcess(options, mainFile, {
    name,
    kind: 'simulator',
    env: { HOST: host, ...env },
    url,
    ports: [env.PORT, env['SMTP_PORT']].filter(port => port !== undefined).map(Number),
    ready: { kind: 'http', url: `${url}/health` },
  })
}

function service(
  options: TopologyOptions,
  name: ServiceName,
  env: Readonly<Record<string, string>>,
): ProcessSpec {
  const operationsPort = options.ports[`${name}Operations`]
  const spec = nodeProcess(options, `services/${name}/src/main.ts`, {
    name,
    kind: 'service',
    env,
    // The address for clients.
    url: `http://${host}:${options.ports[name]}`,
    ports: [boundPort(options, name), operationsPort],
    ready: { kind: 'http', url: `http://${host}:${operationsPort}/health/ready` },
  })
  return { ...spec, args: [...heapFlags, ...spec.args] }
}

/**
 * In mebibytes. V8 lets garbage pile up in proportion to the memory of the machine: on a large one a
 * service under load takes twice what it needs, and never gives it back. With these it stays well below
 * the memory of its container in docker-compose.yml.
 */
const heapFlags = ['--max-old-space-size=128', '--max-semi-space-size=8']

/** The databases that the console copies for the systems that it starts itself. */
const labTemplates = {
  payments: 'lab_payments',
  listings: 'lab_listings',
  notifications: 'lab_notifications',
} as const

const ownDatabases = {
  payments: 'payments',
  listings: 'listings',
  notifications: 'notifications',
} as const

/** The console sees everything, so it has the addresses of everything. */
function consoleOf(
  options: TopologyOptions,
  {
    supervisorUrl,
    processPrefix,
    loadDir,
    stateDir,
    adminUrl,
  }: NonNullable<TopologyOptions['console']>,
): ProcessSpec {
  const { ports, links } = options
  const at = (port: number) => `http://${host}:${port}`
  const url = at(ports.console)
  const spec = nodeProcess(options, 'services/console/src/main.ts', {
    name: 'console',
    kind: 'service',
    env: {
      HOST: host,
      PORT: String(ports.console),
      NODE_ENV: options.nodeEnv,
      SUPERVISOR_URL: supervisorUrl,
      CONTROL_TOKEN: options.controlToken,
      PROCESS_PREFIX: processPrefix,
      FAULTS_URL: at(links?.ports.faults ?? 0),
      PAYMENTS_URL: at(ports.payments),
      LISTINGS_URL: at(ports.listings),
      NOTIFICATIONS_URL: at(ports.notifications),
      LOAD_DIR: loadDir,
      PAYMENTS_OPERATIONS_URL: at(ports.paymentsOperations),
      LISTINGS_OPERATIONS_URL: at(ports.listingsOperations),
      NOTIFICATIONS_OPERATIONS_URL: at(ports.notificationsOperations),
      ...secondInstancesOf(options),
      CARD_PROVIDER_URL: at(ports.cardProvider),
      MAILBOX_URL: at(ports.mailbox),
      TRACE_SINK_URL: at(ports.traceSink),
      ...prometheusUrlOf(options),
      PARTS: JSON.stringify({
        control: { url: supervisorUrl, token: options.controlToken },
        stateDir,
        postgresUrl: adminUrl,
        redisUrl: new URL('/', options.redisUrl).href.replace(/\/$/, ''),
        kafkaBrokers: options.kafkaBrokers,
        listenerPorts: [],
        secrets: options.secrets,
        templates: labTemplates,
        databases: options.databases ?? ownDatabases,
      }),
    },
    url,
    ports: [ports.console],
    ready: { kind: 'http', url: `${url}/health` },
  })
  return { ...spec, args: [...heapFlags, ...spec.args] }
}

function secondInstancesOf({ replicas }: TopologyOptions): Record<string, string> {
  if (replicas === undefined) return {}
  const urls = serviceNames.map(service => [
    secondInstances[service],
    `http://${host}:${replicas.ports[`${service}SecondOperations`]}`,
  ])
  return { SECOND_OPERATIONS_URLS: JSON.stringify(Object.fromEntries(urls)) }
}

function prometheusUrlOf({ prometheus, prometheusUrl }: TopologyOptions): Record<string, string> {
  const own = prometheus && `http://${host}:${prometheus.port}`
  const url = prometheusUrl ?? own
  return url === undefined ? {} : { PROMETHEUS_URL: url }
}

/** Every process promises to end within 10 s of SIGTERM (L6). */
const stopGraceMs = 10_000
const startTimeoutMs = 30_000

function nodeProcess(
  options: TopologyOptions,
  mainFile: string,
  rest: Pick<ProcessSpec, 'name' | 'kind' | 'env' | 'url' | 'ports' | 'ready'>,
): ProcessSpec {
  return {
    ...rest,
    command: options.nodePath,
    args: [join(options.repoRoot, mainFile)],
    cwd: options.repoRoot,
    stopSignal: 'SIGTERM',
    stopGraceMs,
    startTimeoutMs,
  }
}
