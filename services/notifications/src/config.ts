import { DatabasePassword, DatabaseUrl } from '@nightshift/runtime/postgres/database-url'
import { secret } from '@nightshift/runtime/process/config'
import { type Static, Type } from 'typebox'
import { limits } from './limits.ts'

/** The settings that may differ between two deployments. Numbers are in limits.ts. */
export const Config = Type.Object({
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'production' }),
  LAB: Type.Optional(Type.Literal('1')),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4003 }),
  OPERATIONS_PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4103 }),
  /** How long the service still serves after it has said that it is not ready. */
  DRAIN_MS: Type.Integer({ minimum: 0, maximum: limits.drainMaxMs, default: 0 }),
  DATABASE_URL: DatabaseUrl,
  DATABASE_PASSWORD: DatabasePassword,
  KAFKA_BROKERS: Type.String({ pattern: '^[^,:]+:\\d+(,[^,:]+:\\d+)*$' }),
  KAFKA_PREFIX: Type.String({ default: '' }),
  SMTP_URL: Type.String({ pattern: '^smtps?://' }),
  /** The URL at which candidates reach this service. The links in mails begin with it. */
  PUBLIC_URL: Type.String({ pattern: '^https?://[^\\s/<>?#]+(/[^\\s<>?#]*[^\\s/<>?#])?$' }),
  /**
   * The secrets of the links in mails. The first one signs. The second, older one is still
   * accepted.
   */
  MAIL_LINK_SECRETS: Type.String({ pattern: '^[^\\s,]{32,}(,[^\\s,]{32,})?$', ...secret }),
  /** How many alerts one client may save per second, by its network address. */
  ALERTS_PER_CLIENT_PER_SECOND: Type.Integer({ minimum: 1, maximum: 100_000, default: 5 }),
  /** Behind a proxy that adds the address of its client to `x-forwarded-for`. */
  BEHIND_PROXY: Type.Enum(['yes', 'no'], { default: 'no' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  LOG_LEVEL: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  PATTERN_DEAD_LETTERS: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_INBOX: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_CIRCUIT_BREAKER: Type.Enum(['on', 'naive', 'opossum-defaults'], { default: 'on' }),
  PATTERN_DEADLINE: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_BULKHEAD: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_LOAD_SHEDDING: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_GRACEFUL_SHUTDOWN: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_HEALTH_CHECKS: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_SLOW_CLIENTS: Type.Enum(['on', 'naive'], { default: 'on' }),
  CRASH_AT: Type.Optional(Type.String()),
  BLOCK_AT: Type.Optional(Type.String()),
})
export type Config = Readonly<Static<typeof Config>>
