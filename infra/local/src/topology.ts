import { join } from 'node:path'
import { databaseUrl } from './database-url.ts'
import type { PortPlan } from './ports.ts'
import type { ProcessSpec } from './process-spec.ts'
import type { Secrets, ServiceName } from './secrets.ts'

const host = '127.0.0.1'

export type TopologyOptions = Readonly<{
  /** The Node that runs the services: the one that runs this command. */
  nodePath: string
  repoRoot: string
  /** Where the outside parties keep their truth logs, one directory each. */
  dataDir: string
  ports: Omit<PortPlan, 'postgres' | 'redis' | 'kafka' | 'kafkaController' | 'supervisor'>
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
  'trace-sink',
  'card-provider',
  'mailbox',
  'payments',
  'listings',
  'notifications',
] as const
export type ProcessName = (typeof processNames)[number]

/**
 * The processes of the system besides its three real parts, and how each is told about the others.
 * Pure: the same answer feeds `npm start`, the tests, and the check of the Compose file.
 */
export function topology(options: TopologyOptions): Readonly<Record<ProcessName, ProcessSpec>> {
  const { ports, secrets } = options
  const serviceEnv = (name: ServiceName): Record<string, string> => ({
    HOST: host,
    PORT: String(ports[name]),
    OPERATIONS_PORT: String(ports[`${name}Operations`]),
    DATABASE_URL: databaseUrl(options.postgresUrl, {
      database: options.databases?.[name] ?? name,
      role: name,
      password: secrets.rolePasswords[name],
    }),
    KAFKA_BROKERS: options.kafkaBrokers,
    ...(options.kafkaPrefix === undefined ? {} : { KAFKA_PREFIX: options.kafkaPrefix }),
    ...(options.exportTraces === false
      ? {}
      : { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}:${ports.traceSink}` }),
    LOG_LEVEL: 'info',
    NODE_ENV: options.nodeEnv,
    ...options.switches,
  })

  return {
    'trace-sink': standIn(options, 'trace-sink', 'infra/local/src/trace-sink.ts', {
      PORT: String(ports.traceSink),
    }),
    'card-provider': standIn(
      options,
      'card-provider',
      'infra/stand-ins/card-provider/src/main.ts',
      {
        PORT: String(ports.cardProvider),
        SECRET_KEY: secrets.cardProviderSecretKey,
        TRUTH_LOG: join(options.dataDir, 'card-provider', 'truth.jsonl'),
      },
    ),
    mailbox: standIn(options, 'mailbox', 'infra/stand-ins/mailbox/src/main.ts', {
      PORT: String(ports.mailbox),
      SMTP_PORT: String(ports.smtp),
      MAIL_LOG: join(options.dataDir, 'mailbox', 'mails.jsonl'),
    }),
    payments: service(options, 'payments', {
      ...serviceEnv('payments'),
      CARD_PROVIDER_URL: `http://${host}:${ports.cardProvider}`,
      CARD_PROVIDER_SECRET_KEY: secrets.cardProviderSecretKey,
    }),
    listings: service(options, 'listings', {
      ...serviceEnv('listings'),
      REDIS_URL: options.redisUrl,
      PAYMENTS_URL: `http://${host}:${ports.payments}`,
      PAYMENTS_SERVICE_KEY: secrets.paymentsServiceKey,
    }),
    notifications: service(options, 'notifications', {
      ...serviceEnv('notifications'),
      SMTP_URL: `smtp://${host}:${ports.smtp}`,
    }),
  }
}

/** The variables of a caller's environment that reach the services: what experiments turn. */
export function switchesIn(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const switches: Record<string, string> = {}
  for (const [name, value] of Object.entries(environment)) {
    const isSwitch = name.startsWith('PATTERN_') || name === 'CRASH_AT' || name === 'LOG_LEVEL'
    if (isSwitch && value !== undefined) switches[name] = value
  }
  return switches
}

function standIn(
  options: TopologyOptions,
  name: 'trace-sink' | 'card-provider' | 'mailbox',
  mainFile: string,
  env: Readonly<Record<'PORT', string> & Record<string, string>>,
): ProcessSpec {
  const url = `http://${host}:${env.PORT}`
  return nodeProcess(options, mainFile, {
    name,
    kind: 'stand-in',
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
  const port = options.ports[name]
  const operationsPort = options.ports[`${name}Operations`]
  return nodeProcess(options, `services/${name}/src/main.ts`, {
    name,
    kind: 'service',
    env,
    url: `http://${host}:${port}`,
    ports: [port, operationsPort],
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
