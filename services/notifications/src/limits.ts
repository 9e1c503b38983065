import assert from 'node:assert/strict'

/**
 * Every number of this service, with its unit. The figures are one solution; the relations below
 * are the design, and a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 3_000,
    receiveMs: 5_000,
    // Longer than our callers keep an idle connection, or they write to a closed one.
    keepAliveMs: 72_000,
    bodyBytesMax: 8 * 1024,
    connectionsMax: 1_000,
  },
  pool: {
    connectionsMax: 10,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_500,
    idleInTransactionMs: 5_000,
  },
  /** More would be a way to make this service mail one address for somebody else. */
  alertsPerAddressMax: 20,
  smtp: { connectMs: 1_000, greetingMs: 2_000, silenceMs: 5_000, connectionsMax: 4 },
  send: {
    batchMax: 50,
    concurrencyMax: 4,
    idleMs: 100,
    failureBackoffCapMs: 2_000,
    /** How long a mail belongs to whoever took it. */
    leaseMs: 30_000,
    attemptMs: 6_000,
    againBaseMs: 500,
    againCapMs: 60_000,
    /** About two hours of a mail server that is away; then it is written down as failed, and why. */
    attemptsMax: 130,
  },
} as const

const { http, pool, smtp, send } = limits
assert(pool.lockMs < pool.statementMs, 'a lock is waited for within a statement')
assert(pool.acquireMs + pool.statementMs < http.requestBudgetMs, 'a statement fits a request')
assert(smtp.greetingMs < send.attemptMs && smtp.silenceMs < send.attemptMs, 'an attempt ends last')
assert(
  Math.ceil(send.batchMax / send.concurrencyMax) * send.attemptMs < 3 * send.leaseMs,
  'most of a batch is dealt with before its lease ends',
)
