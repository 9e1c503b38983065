import { join } from 'node:path'
import type { PortPlan } from '../ports/ports.ts'
import type { RoleName } from '../prepare/database-roles.ts'
import { databaseUrl } from '../prepare/database-url.ts'
import type { ProcessSpec } from '../supervisor/process-spec.ts'
import {
  addressOver,
  type Link,
  type LinkOptions,
  type LinkPorts,
  listenPorts,
  planLinks,
  urlOver,
} from './links.ts'
import type { Secrets, ServiceName } from './secrets.ts'

const host = '127.0.0.1'

export type TopologyOptions = Readonly<{
  /** The Node that runs the services: the one that runs this command. */
  nodePath: string
  repoRoot: string
  /** Where the outside parties keep their provider logs, one directory each. */
  dataDir: string
  ports: Omit<
    PortPlan,
    'postgres' | 'redis' | 'kafka' | 'kafkaController' | 'supervisor' | keyof LinkPorts
  >
  /** Unset: every connection is direct, and there is no fault proxy. */
  links?: Readonly<{ ports: LinkPorts } & Pick<LinkOptions, 'external'>>
  secrets: Secrets
  /** Any URL of the PostgreSQL server; role and database are put in here. */
  postgresUrl: string
  /** Database of each service. Unset: named like the service. */
  databases?: Readonly<Record<ServiceName, string>>
  redisUrl: string
  kafkaBrokers: string
  /** Put before topics and groups, so that tests share a broker and never a record. */
  kafkaPrefix?: string
  nodeEnv: 'development' | 'test'
  /** Unset: yes. Not worth it where no trace sink runs. */
  exportTraces?: boolean
  /** Switches for every service, as `switchesIn` reads them from the caller's environment. */
  switches: Readonly<Record<string, string>>
}>

export const processNames = [
  'faults',
  'trace-sink',
  'card-provider',
  'mailbox',
  'payments',
  'listings',
  'notifications',
] as const
export type ProcessName = (typeof processNames)[number]

/** Without links there is no fault proxy. */
export type Topology = Readonly<
  Record<Exclude<ProcessName, 'faults'>, ProcessSpec> & { faults?: ProcessSpec }
>

/**
 * The processes of the system besides its three real parts, and how each is told about the others.
 * Pure: the same answer feeds `npm start`, the tests, and the check of the Compose file.
 */
export function topology(options: TopologyOptions): Topology {
  const { ports, secrets } = options
  const links = linksOf(options)
  /** Where the outside parties write down that a setting was turned. */
  const injector: Record<string, string> =
    options.links === undefined
      ? {}
      : { FAULT_LOG_URL: `http://${host}:${options.links.ports.faults}` }
  const serviceEnv = (name: ServiceName) => environmentOfService(options, links, name)
  const databaseFor = (name: ServiceName, role: RoleName) =>
    databaseUrlOf(options, links, name, role)
  const over = (name: Link['name'], directPort: number) =>
    addressOver(links, name, `${host}:${directPort}`)

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
        PROVIDER_LOG: join(options.dataDir, 'card-provider', 'provider.jsonl'),
        ...injector,
      },
    ),
    mailbox: simulator(options, 'mailbox', 'infra/simulators/mailbox/src/main.ts', {
      PORT: String(ports.mailbox),
      SMTP_PORT: String(ports.smtp),
      MAIL_LOG: join(options.dataDir, 'mailbox', 'mails.jsonl'),
      ...injector,
    }),
    payments: service(options, 'payments', {
      ...serviceEnv('payments'),
      WORKER_DATABASE_URL: databaseFor('payments', 'payments_worker'),
      RELAY_DATABASE_URL: databaseFor('payments', 'payments_relay'),
      API_KEY_PEPPER: secrets.apiKeyPeppers.payments,
      CARD_PROVIDER_URL: `http://${over('payments-provider', ports.cardProvider)}`,
      CARD_PROVIDER_SECRET_KEY: secrets.cardProviderSecretKey,
      CARD_PROVIDER_WEBHOOK_SECRETS: secrets.cardProviderWebhookSecret,
      // For one of the variants of the idempotency keys and nothing else, so it has no link of its own.
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
      // The address that candidates reach: the proxied one, where there are links.
      PUBLIC_URL: `http://${host}:${ports.notifications}`,
      MAIL_LINK_SECRETS: secrets.mailLinkSecret,
    }),
  }
}

function linksOf({ links, ports, postgresUrl, redisUrl }: TopologyOptions): Link[] {
  if (links === undefined) return []
  const { external } = links
  return planLinks({ ports: { ...ports, ...links.ports }, postgresUrl, redisUrl, external })
}

/** The port that a service binds: its public one is the fault proxy's when there are links. */
function boundPort({ links, ports }: TopologyOptions, name: ServiceName): number {
  return links === undefined ? ports[name] : links.ports[`${name}Private`]
}

/** What every service is told. */
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

/** Over the service's link to PostgreSQL, as one of its roles. */
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

/** The proxy of every link, with the log of what was broken when. */
function faults(options: TopologyOptions, ports: LinkPorts, links: readonly Link[]): ProcessSpec {
  const env = {
    PORT: String(ports.faults),
    LINKS: JSON.stringify(links),
    FAULT_LOG: join(options.dataDir, 'faults', 'faults.jsonl'),
  }
  const spec = simulator(options, 'faults', 'infra/faults/src/main.ts', env)
  return { ...spec, ports: [...spec.ports, ...listenPorts(links)] }
}

function simulator(
  options: TopologyOptions,
  name: Exclude<ProcessName, ServiceName>,
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
  return nodeProcess(options, `services/${name}/src/main.ts`, {
    name,
    kind: 'service',
    env,
    // Where clients go.
    url: `http://${host}:${options.ports[name]}`,
    ports: [boundPort(options, name), operationsPort],
    ready: { kind: 'http', url: `http://${host}:${operationsPort}/health/ready` },
  })
}

/** Services promise to leave within 10 s of SIGTERM; after that the promise is broken. */
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
