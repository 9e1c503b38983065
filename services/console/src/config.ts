import { secret } from '@nightshift/runtime/process/config'
import { type Static, Type } from 'typebox'

const Url = Type.String({ pattern: '^https?://' })

/** Where everything is that the console shows. Numbers are in limits.ts. */
export const Config = Type.Object({
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'production' }),
  /** Without it the console starts neither in production nor on an address that others can reach. */
  LAB: Type.Optional(Type.Literal('1')),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4000 }),
  LOG_LEVEL: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  /** For the programs that the console starts: an experiment looks for PostgreSQL, Kafka and so on. */
  PATH: Type.String({ default: '' }),
  HOME: Type.String({ default: '/' }),
  SUPERVISOR_URL: Url,
  /** Opens the supervisor, the fault proxy and the settings of the simulators. */
  CONTROL_TOKEN: Type.String({ minLength: 1, ...secret }),
  /** Before the names of the processes at the supervisor. Tests have one. */
  PROCESS_PREFIX: Type.String({ default: '' }),
  FAULTS_URL: Url,
  PAYMENTS_URL: Url,
  LISTINGS_URL: Url,
  NOTIFICATIONS_URL: Url,
  /** The history of the last load is kept here. */
  LOAD_DIR: Type.String({ minLength: 1 }),
  PAYMENTS_OPERATIONS_URL: Url,
  LISTINGS_OPERATIONS_URL: Url,
  NOTIFICATIONS_OPERATIONS_URL: Url,
  /** The second instances by their names, as JSON, in a system that has two of each service. */
  SECOND_OPERATIONS_URLS: Type.String({ pattern: '^\\{', default: '{}' }),
  CARD_PROVIDER_URL: Url,
  TRACE_SINK_URL: Url,
  MAILBOX_URL: Url,
  /** Unset: there are no alerts to show. */
  PROMETHEUS_URL: Type.Optional(Url),
  /**
   * The parts of the running system with all rights, as JSON: the console breaks them, and starts systems of
   * its own on them. Whoever has CONTROL_TOKEN can do the same.
   */
  PARTS: Type.String({ pattern: '^\\{', ...secret }),
})
export type Config = Readonly<Static<typeof Config>>
