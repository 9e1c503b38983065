import assert from 'node:assert/strict'

/**
 * Every number of this service, with its unit. The figures are one solution; the relations below
 * are the design, and a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 6_000,
    receiveMs: 5_000,
    // Longer than a proxy keeps an idle connection (60 s is common), or it writes to a closed one. undici
    // reads this time from our answers and keeps a connection two seconds less.
    keepAliveMs: 72_000,
    // 5,000 characters of description may be 20,000 bytes of UTF-8.
    bodyBytesMax: 32 * 1024,
    connectionsMax: 1_000,
  },
  pool: {
    connectionsMax: 10,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  /**
   * For the consumer of payment events and the jobs, and for nothing that a stranger can ask for: a
   * flood of searches must not keep a paid listing from going live.
   */
  workerPool: {
    connectionsMax: 6,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  /** For the public search, which anybody may ask for without a key. */
  searchPool: {
    connectionsMax: 4,
    acquireMs: 500,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  redis: { connectMs: 500, commandMs: 100 },
  paymentsHttp: { connectionsMax: 64, connectMs: 500, answerBytesMax: 64 * 1024 },
  payments: {
    /** Payments answers within its own budget of 3.5 s; the rest is for the way there and back. */
    attemptMs: 4_000,
    attemptMinMs: 50,
    breakerWindowMs: 10_000,
    breakerVolumeMin: 20,
    breakerFailurePercent: 50,
    breakerOpenMs: 3_000,
    /** The longest that a `Retry-After` may put off the next attempt. */
    retryAfterCapMs: 30_000,
  },
  /** A revoked key is refused after `cacheMs`, and a key that was tried before it was issued is good after `refusedMs`. */
  apiKeys: {
    cacheMs: 5_000,
    cachedMax: 1_000,
    refusedMs: 1_000,
    refusedMax: 1_000,
    /** A look takes about a millisecond: a full queue is worked off in a fifth of a second. */
    looks: { atWorkMax: 2, waitingMax: 400, waitMs: 1_000 },
  },
  /** With less left of a request, nothing is begun: payments could not be asked in it. */
  beginMinMs: 100,
  /** How long the owner of a key may be silent before another attempt takes over. */
  keyLeaseMs: 12_000,
  resume: {
    /** The first look at a publication whose request has gone quiet. */
    firstCheckMs: 9_000,
    againBaseMs: 1_000,
    againCapMs: 15_000,
    /** From taking one publication to the moment at which another worker may take it. */
    leaseMs: 9_000,
    roundMax: 20,
    concurrencyMax: 4,
    idleMs: 500,
    failureBackoffCapMs: 5_000,
  },
  /** A supervisor kills after 10 s (L6: SIGTERM to exit in 10 s, with no dropped request). */
  stopDeadlineMs: 9_000,
  /** As in payments: what is accepted must be final in 90 s (L1), however slowly it is worked off. */
  backlog: { openMax: 60, workedOffPerSecondMin: 1, lookMs: 250 },
  search: {
    pageDefault: 20,
    /** How stale a page may be when nobody could be told that it changed. */
    cacheMs: 5_000,
  },
} as const

const { http, pool, workerPool, searchPool, payments, paymentsHttp, resume, backlog } = limits
const { keyLeaseMs, beginMinMs, stopDeadlineMs } = limits
/** After an attempt, or a request, its outcome is still written down. */
const recordMs = pool.acquireMs + pool.statementMs
for (const { lockMs, statementMs } of [pool, workerPool, searchPool]) {
  assert(lockMs < statementMs, 'a lock is waited for within a statement')
}
assert(
  payments.attemptMs + pool.acquireMs + pool.statementMs <= http.requestBudgetMs,
  'after payments had its time, the outcome must still be recorded',
)
assert(paymentsHttp.connectMs < payments.attemptMs, 'connecting is a part of an attempt')
assert(
  limits.apiKeys.looks.atWorkMax < pool.connectionsMax / 2,
  'made-up keys leave most connections to those who hold a good one',
)
assert(
  limits.apiKeys.looks.waitMs + pool.acquireMs < http.requestBudgetMs,
  'a caller hears that its key could not be looked for',
)
assert(
  keyLeaseMs > http.requestBudgetMs + pool.acquireMs + pool.statementMs,
  'nobody takes over from an owner that may still be working',
)
assert(
  resume.firstCheckMs > http.requestBudgetMs + 2_000,
  'the job leaves a publication to its request while that may be alive',
)
assert(
  resume.concurrencyMax < pool.connectionsMax,
  'what the job resumes, on behalf of each tenant, leaves connections to requests',
)
assert(
  resume.concurrencyMax < workerPool.connectionsMax,
  'while the job takes what is due, the consumer still gets a connection',
)
assert(
  resume.leaseMs > http.requestBudgetMs + recordMs,
  'no other worker takes a publication while its attempt may still be in progress',
)
assert(
  payments.attemptMinMs < beginMinMs && beginMinMs < http.requestBudgetMs,
  'what is begun has time for its claim and then for payments',
)
assert(
  stopDeadlineMs > http.requestBudgetMs + recordMs + 500,
  'a stop outlasts the longest request, the longest attempt of a job, and closing',
)
assert(resume.againCapMs * 2 < 90_000, 'every pending publication is final in 90 s (L1)')
assert(
  backlog.openMax / backlog.workedOffPerSecondMin <= 90,
  'a full backlog is final in 90 s (L1)',
)
