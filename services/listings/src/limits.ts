import assert from 'node:assert/strict'

/** The waits of a pool of connections to PostgreSQL. */
const poolWaits = {
  acquireMs: 1_000,
  lockMs: 500,
  statementMs: 1_000,
  idleInTransactionMs: 5_000,
} as const

/** How many API keys are remembered, of the accepted and of the refused ones each. */
const apiKeysRememberedMax = 1_000

/**
 * Every number of this service, with its unit. Other figures would work too. The design is in the
 * relations below: a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 6_000,
    receiveMs: 5_000,
    /**
     * Longer than a proxy keeps an idle connection (60 s is common), or it would write to a closed one.
     * undici reads this time from our answers and keeps a connection two seconds less.
     */
    keepAliveMs: 72_000,
    /** 5,000 characters of description may be 20,000 bytes of UTF-8. */
    bodyBytesMax: 32 * 1024,
    connectionsMax: 1_000,
  },
  /** The pool for requests on behalf of one employer. */
  pool: { connectionsMax: 10, ...poolWaits },
  /**
   * The pool for the consumer of payment events and the jobs. Public requests don't use it: a flood
   * of searches must not keep a paid listing from going live.
   */
  workerPool: { connectionsMax: 6, ...poolWaits },
  /** The pool for the public search, which needs no API key. */
  searchPool: { connectionsMax: 4, ...poolWaits, acquireMs: 500 },
  redis: { connectMs: 500, commandMs: 100 },
  paymentsHttp: { connectionsMax: 64, connectMs: 500, answerBytesMax: 64 * 1024 },
  payments: {
    /** Payments answers within its own budget of 3.5 s. The rest is for the network. */
    attemptMs: 4_000,
    attemptMinMs: 50,
    breakerWindowMs: 3_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 1_000,
    /** A longer `Retry-After` of payments is cut to this. */
    retryAfterCapMs: 30_000,
  },
  /** What is admitted at the door: a little more than payments says that it takes. */
  admission: { surplus: 1.1, forgetMs: 10_000, burstMs: 1_000 },
  /** The shares of the tenants in it. */
  shares: { activeMs: 2_000, burstMs: 1_000, tenantsMax: 1_000 },
  apiKeys: {
    /** A revoked key may still be accepted for this long. */
    cacheMs: 5_000,
    cachedMax: apiKeysRememberedMax,
    /** A key that was refused before it was issued may still be refused for this long. */
    refusedMs: 1_000,
    refusedMax: apiKeysRememberedMax,
    /** A look-up takes about a millisecond, so a full queue is empty after a fifth of a second. */
    looks: { atWorkMax: 2, waitingMax: 400, waitMs: 1_000 },
  },
  /** A request with less time left is refused, because it could not call payments in time. */
  beginMinMs: 100,
  /** How long the owner of a key may be silent before another attempt takes over. */
  keyLeaseMs: 12_000,
  resume: {
    /** The wait until the first check of a publication whose request has not finished it. */
    firstCheckMs: 9_000,
    /** The first wait after a check that left the outcome open. Later waits are longer. */
    againBaseMs: 1_000,
    againCapMs: 15_000,
    /** How long one worker owns a publication. After that, another worker may take it. */
    leaseMs: 9_000,
    roundMax: 20,
    concurrencyMax: 4,
    idleMs: 500,
    failureBackoffCapMs: 5_000,
  },
  /**
   * A supervisor kills the process after 10 s (L6: SIGTERM to exit in 10 s, no dropped request).
   */
  stopDeadlineMs: 9_000,
  /**
   * The most that a proxy before several instances may need to notice that this one stops
   * (`DRAIN_MS`). Requests come meanwhile, and the last one still has its budget.
   */
  drainMaxMs: 1_500,
  /**
   * Publications that wait for the job. With `openMax` of them, new ones are refused: every
   * accepted publication must be final in 90 s (L1), even if payments lets us finish only one per
   * second.
   */
  backlog: { openMax: 60, workedOffPerSecondMin: 1, lookMs: 250 },
  search: {
    pageDefault: 20,
    /** How old a cached page may become if Redis could not invalidate it. */
    cacheMs: 5_000,
  },
} as const

const { http, pool, workerPool, searchPool, payments, paymentsHttp, resume, backlog } = limits
const { keyLeaseMs, beginMinMs, stopDeadlineMs, drainMaxMs } = limits
/** The time for recording the outcome, after the attempt or the request. */
const recordMs = pool.acquireMs + pool.statementMs
for (const { lockMs, statementMs } of [pool, workerPool, searchPool]) {
  assert(lockMs < statementMs, 'a statement may wait for a lock and still be carried out')
}
assert(
  payments.attemptMs + recordMs <= http.requestBudgetMs,
  'after the longest attempt, there is still time to record the outcome',
)
assert(paymentsHttp.connectMs < payments.attemptMs, 'connecting is a part of an attempt')
assert(
  limits.apiKeys.looks.atWorkMax < pool.connectionsMax / 2,
  'look-ups of invalid API keys leave most connections to valid requests',
)
assert(
  limits.apiKeys.looks.waitMs + pool.acquireMs < http.requestBudgetMs,
  'a caller gets an answer even if its key could not be looked up',
)
assert(
  keyLeaseMs > http.requestBudgetMs + recordMs,
  'no other attempt takes over from an owner that may still be working',
)
assert(
  resume.firstCheckMs > http.requestBudgetMs + 2_000,
  'the job leaves a publication to its request while the request may be in progress',
)
assert(resume.concurrencyMax < pool.connectionsMax, 'the job leaves connections to requests')
assert(
  resume.concurrencyMax < workerPool.connectionsMax,
  'while the job takes publications, the consumer still gets a connection',
)
assert(
  resume.leaseMs > http.requestBudgetMs + recordMs,
  'no other worker takes a publication while its attempt may still be in progress',
)
assert(
  payments.attemptMinMs < beginMinMs && beginMinMs < http.requestBudgetMs,
  'a publication that is begun has time for its claim and then for payments',
)
assert(
  stopDeadlineMs > http.requestBudgetMs + recordMs + 500,
  'a stop has time for the longest request, the longest attempt of a job, and closing',
)
assert(
  stopDeadlineMs > drainMaxMs + http.requestBudgetMs + 1_000,
  'a stop has time for a request that came when the proxy was just noticing it',
)
assert(resume.againCapMs * 2 < 90_000, 'every pending publication is final in 90 s (L1)')
assert(
  backlog.openMax / backlog.workedOffPerSecondMin <= 90,
  'a full backlog is final in 90 s (L1)',
)
