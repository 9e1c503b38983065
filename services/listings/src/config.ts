import { DatabasePassword, DatabaseUrl } from '@nightshift/runtime/postgres/database-url'
import { secret } from '@nightshift/runtime/process/config'
import { type Static, Type } from 'typebox'
import { limits } from './limits.ts'

/** The settings that may differ between two deployments. Numbers are in limits.ts. */
export const Config = Type.Object({
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'production' }),
  LAB: Type.Optional(Type.Literal('1')),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4002 }),
  OPERATIONS_PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4102 }),
  /** How long the service still serves after it has said that it is not ready. */
  DRAIN_MS: Type.Integer({ minimum: 0, maximum: limits.drainMaxMs, default: 0 }),
  /** Its role sees the rows of one tenant at a time. Requests use it. */
  DATABASE_URL: DatabaseUrl,
  DATABASE_PASSWORD: DatabasePassword,
  /** Its role sees the rows of all tenants. The public search, the consumer and the job use it. */
  WORKER_DATABASE_URL: DatabaseUrl,
  WORKER_DATABASE_PASSWORD: DatabasePassword,
  /** Its role sees only the outbox. The relay uses it. */
  RELAY_DATABASE_URL: DatabaseUrl,
  RELAY_DATABASE_PASSWORD: DatabasePassword,
  KAFKA_BROKERS: Type.String({ pattern: '^[^,:]+:\\d+(,[^,:]+:\\d+)*$' }),
  KAFKA_PREFIX: Type.String({ default: '' }),
  REDIS_URL: Type.String({ pattern: '^rediss?://', ...secret }),
  REDIS_PASSWORD: Type.Optional(Type.String({ minLength: 1, ...secret })),
  PAYMENTS_URL: Type.String({ pattern: '^https?://' }),
  PAYMENTS_SERVICE_KEY: Type.String({
    pattern: '^ns_test_[0-9a-f]{8}_[A-Za-z0-9_-]{43}_[0-9A-Za-z]{6}$',
    ...secret,
  }),
  /**
   * 32 random bytes or more, as text. The stored hashes of keys are useless without them. During a
   * rotation there are two: new keys get the first, and keys with the second, older one stay good.
   */
  API_KEY_PEPPER: Type.String({ pattern: '^[^,]{43,}(,[^,]{43,})?$', ...secret }),
  /** A tenant over it gets 429. */
  PUBLICATIONS_PER_TENANT_PER_SECOND: Type.Integer({
    minimum: 1,
    maximum: 100_000,
    default: 1_000,
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  LOG_LEVEL: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  /** The last two variants concern charging a card, so they only have an effect in payments. */
  PATTERN_IDEMPOTENCY_KEY: Type.Enum(
    ['on', 'naive', 'select-then-insert', 'claim-in-business-transaction', 'cache-then-charge'],
    { default: 'on' },
  ),
  PATTERN_DEAD_LETTERS: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_INBOX: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_TIMEOUT_HIERARCHY: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_CIRCUIT_BREAKER: Type.Enum(['on', 'naive', 'opossum-defaults'], { default: 'on' }),
  PATTERN_RETRY_BUDGET: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_DEADLINE: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_BULKHEAD: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_LOCAL_STALL: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_LOAD_SHEDDING: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_RATE_LIMIT: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_BOUNDED_BACKLOG: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_OUTBOX: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_GRACEFUL_SHUTDOWN: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_HEALTH_CHECKS: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_SLOW_CLIENTS: Type.Enum(['on', 'naive'], { default: 'on' }),
  CRASH_AT: Type.Optional(Type.String()),
  BLOCK_AT: Type.Optional(Type.String()),
})
export type Config = Readonly<Static<typeof Config>>
