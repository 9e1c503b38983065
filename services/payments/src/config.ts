import { DatabasePassword, DatabaseUrl } from '@nightshift/runtime/postgres/database-url'
import { ConfigError, secret } from '@nightshift/runtime/process/config'
import { type Static, Type } from 'typebox'
import { limits } from './limits.ts'

/** The settings that may differ between two deployments. Numbers are in limits.ts. */
export const Config = Type.Object({
  NODE_ENV: Type.Enum(['development', 'test', 'production'], { default: 'production' }),
  LAB: Type.Optional(Type.Literal('1')),
  HOST: Type.String({ default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4001 }),
  OPERATIONS_PORT: Type.Integer({ minimum: 1, maximum: 65_535, default: 4101 }),
  /** How long the service still serves after it has said that it is not ready. */
  DRAIN_MS: Type.Integer({ minimum: 0, maximum: limits.drainMaxMs, default: 0 }),
  /** Its role sees the rows of one tenant at a time. */
  DATABASE_URL: DatabaseUrl,
  DATABASE_PASSWORD: DatabasePassword,
  /** Its role sees the rows of all tenants. */
  WORKER_DATABASE_URL: DatabaseUrl,
  WORKER_DATABASE_PASSWORD: DatabasePassword,
  /** Its role sees only the outbox. */
  RELAY_DATABASE_URL: DatabaseUrl,
  RELAY_DATABASE_PASSWORD: DatabasePassword,
  KAFKA_BROKERS: Type.String({ pattern: '^[^,:]+:\\d+(,[^,:]+:\\d+)*$' }),
  KAFKA_PREFIX: Type.String({ default: '' }),
  REDIS_URL: Type.String({ pattern: '^rediss?://', ...secret }),
  REDIS_PASSWORD: Type.Optional(Type.String({ minLength: 1, ...secret })),
  CARD_PROVIDER_URL: Type.String({ pattern: '^https?://' }),
  CARD_PROVIDER_SECRET_KEY: Type.String({ minLength: 16, ...secret }),
  /**
   * 32 random bytes or more, as text. The stored hashes of keys are useless without them. During a
   * rotation there are two: new keys get the first, and keys with the second, older one stay good.
   */
  API_KEY_PEPPER: Type.String({ pattern: '^[^,]{43,}(,[^,]{43,})?$', ...secret }),
  CARD_PROVIDER_WEBHOOK_SECRETS: Type.String({
    pattern: '^[^,]{16,200}(,[^,]{16,200})?$',
    description: 'One secret, or two during a rotation.',
    ...secret,
  }),
  /** A tenant over it gets 429. Far above what any tenant of a job board needs; a benchmark has one tenant. */
  PAYMENTS_PER_TENANT_PER_SECOND: Type.Integer({ minimum: 1, maximum: 100_000, default: 1_000 }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(Type.String({ pattern: '^https?://' })),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, default: 1 }),
  LOG_LEVEL: Type.Enum(['debug', 'info', 'warn', 'error', 'silent'], { default: 'info' }),
  PATTERN_IDEMPOTENCY_KEY: Type.Enum(
    ['on', 'naive', 'select-then-insert', 'claim-in-business-transaction', 'cache-then-charge'],
    { default: 'on' },
  ),
  PATTERN_NATURAL_BATCHING: Type.Enum(['on', 'naive', 'step-by-step'], { default: 'on' }),
  PATTERN_LEASE: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_UNKNOWN_OUTCOME: Type.Enum(['on', 'naive', 'not-found-is-failed'], { default: 'on' }),
  PATTERN_DURABLE_REFUND: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_WEBHOOK_HINT: Type.Enum(['on', 'naive'], { default: 'on' }),
  PATTERN_RECONCILER: Type.Enum(['on', 'naive'], { default: 'on' }),
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

/**
 * Refuses combinations in which one switch makes another ineffective. Otherwise an experiment would
 * seem to switch off two patterns, and the log would say so.
 * @throws ConfigError naming both switches
 */
export function refuseIgnoredSwitches(config: Config): void {
  const deciding = takesPaymentsStepByStep(config)
  if (deciding === undefined) return
  const ignored = ['PATTERN_NATURAL_BATCHING', 'PATTERN_LEASE'] as const
  const mistakes = ignored
    .filter(name => config[name] !== 'on' && `${name}=${config[name]}` !== deciding)
    .map(name => `${name}=${config[name]}: has no effect with ${deciding}; set one of them to on`)
  if (mistakes.length > 0) throw new ConfigError(mistakes)
}

/** The setting, if any, that uses the step-by-step store, which has neither batches nor fencing. */
function takesPaymentsStepByStep(config: Config): string | undefined {
  const { PATTERN_IDEMPOTENCY_KEY: keys, PATTERN_NATURAL_BATCHING: batching } = config
  if (keys !== 'on') return `PATTERN_IDEMPOTENCY_KEY=${keys}`
  return batching === 'step-by-step' ? 'PATTERN_NATURAL_BATCHING=step-by-step' : undefined
}
