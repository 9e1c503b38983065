import assert from 'node:assert/strict'

/** The waits of every pool of connections to PostgreSQL. */
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
    requestBudgetMs: 3_500,
    receiveMs: 5_000,
    /**
     * Longer than a proxy keeps an idle connection (60 s is common), or it would write to a closed one.
     * undici reads this time from our answers and keeps a connection two seconds less.
     */
    keepAliveMs: 72_000,
    bodyBytesMax: 16 * 1024,
    /** An event contains a whole object of the provider. Its metadata alone may have 24 KB. */
    webhookBytesMax: 256 * 1024,
    connectionsMax: 1_000,
  },
  /** The pool for requests on behalf of one employer. */
  pool: { connectionsMax: 10, ...poolWaits },
  /** The pool for work on behalf of all employers: batches of payments, and the jobs. */
  workerPool: { connectionsMax: 8, ...poolWaits },
  /**
   * The pool for finding out why a key could not be claimed. Each lost key is looked up alone, so a
   * hundred duplicates at the same moment would occupy the worker's connections.
   */
  lookUpPool: { connectionsMax: 4, ...poolWaits },
  providerHttp: { connectionsMax: 64, connectMs: 500, answerBytesMax: 64 * 1024 },
  provider: {
    attemptMs: 2_000,
    attemptMinMs: 50,
    breakerWindowMs: 3_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 1_000,
    /** A longer `Retry-After` of the provider is cut to this. */
    retryAfterCapMs: 30_000,
  },
  /**
   * The provider documents how long it remembers a key (docs.stripe.com/api/idempotent_requests;
   * `GET /rules` of the simulator), and how long it may take to carry out an accepted request. The
   * margin is ours.
   */
  providerRules: {
    keyWindowMs: 24 * 3_600_000,
    keyMarginMs: 3_600_000,
    processingDelayMaxMs: 600_000,
  },
  /** Redis, which only the variant `cache-then-charge` uses. */
  cache: { connectMs: 500, commandMs: 250 },
  /** What is admitted at the door: as much as the provider was measured to take. */
  admission: {
    perSecondMin: 1,
    keptShare: 0.9,
    keptAtFirst: 0.65,
    windowMs: 2_000,
    effectMs: 250,
    littleMs: 1_000,
    burstMs: 1_000,
  },
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
  /** A request with less time left is refused, because it could not call the provider in time. */
  beginMinMs: 100,
  /** How long the owner of a key may be silent before another attempt takes over. */
  keyLeaseMs: 10_000,
  /**
   * Concurrent batches per phase, and payments per batch. More workers mean smaller batches and
   * more commits: with two, 64 callers cost 50 % more processor time.
   */
  batching: { workersMax: 1, batchMax: 128 },
  /** Payments or lines of a page without a `limit`, and the most refunds that are listed. */
  page: { defaultSize: 50, refundsMax: 1_000 },
  /** The job that deletes expired keys, some at a time. */
  reaper: { keysBatchMax: 500, keysIdleMs: 60_000 },
  reconcile: {
    /** The wait until the first check of a payment whose request has not finished it. */
    firstCheckMs: 6_000,
    /** The first wait after a check that left the outcome open. Later waits are longer. */
    againBaseMs: 1_000,
    againCapMs: 15_000,
    /** The wait before the next check of a refund that needs a decision by a person. */
    escalatedMs: 1_800_000,
    /** How long one worker owns an item. After that, another worker may take it. */
    leaseMs: 6_000,
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
   * Payments that wait for the reconciler. With `openMax` of them, new payments are refused: every
   * accepted payment must be final in 90 s (L1), even if the provider's quota lets us finish only
   * one payment per second.
   */
  backlog: { openMax: 60, workedOffPerSecondMin: 1, lookMs: 250 },
} as const

const { http, pool, workerPool, lookUpPool, batching, reconcile, backlog, keyLeaseMs, beginMinMs } =
  limits
const { provider, providerHttp, providerRules, stopDeadlineMs, drainMaxMs } = limits
/** The time for recording the outcome, after the attempt or the request. */
const recordMs = workerPool.acquireMs + workerPool.statementMs
for (const { lockMs, statementMs } of [pool, workerPool, lookUpPool]) {
  assert(lockMs < statementMs, 'a statement may wait for a lock and still be carried out')
}
assert(
  2 * batching.workersMax < workerPool.connectionsMax,
  'with all workers of both phases busy, the jobs still get a connection',
)
assert(
  provider.attemptMinMs < beginMinMs && beginMinMs < http.requestBudgetMs,
  'a payment that is begun has time for its claim and then for the provider',
)
assert(
  provider.attemptMs + pool.acquireMs + 500 <= http.requestBudgetMs,
  'after the longest attempt, a healthy database still has time to record the outcome',
)
assert(providerHttp.connectMs < provider.attemptMs, 'connecting is a part of an attempt')
assert(
  providerRules.keyMarginMs > http.requestBudgetMs + providerRules.processingDelayMaxMs,
  'when the provider forgets a key, no request under it is on its way any more',
)
assert(
  limits.apiKeys.looks.atWorkMax < pool.connectionsMax / 2,
  'look-ups of invalid API keys leave most connections to valid requests',
)
assert(
  limits.apiKeys.looks.waitMs + pool.acquireMs < http.requestBudgetMs,
  'a caller gets an answer even if its key could not be looked up',
)
assert(
  keyLeaseMs > http.requestBudgetMs + pool.acquireMs + pool.statementMs,
  'no other attempt takes over from an owner that may still be working',
)
assert(
  reconcile.firstCheckMs > http.requestBudgetMs + 2_000,
  'the reconciler leaves a payment to its request while the request may be in progress',
)
assert(
  reconcile.leaseMs > http.requestBudgetMs + recordMs,
  'no other worker takes an item while its attempt may still be in progress',
)
assert(
  stopDeadlineMs > http.requestBudgetMs + recordMs + 1_000,
  'a stop has time for the longest request, the longest attempt of a job, and closing',
)
assert(
  stopDeadlineMs > drainMaxMs + http.requestBudgetMs + 1_000,
  'a stop has time for a request that came when the proxy was just noticing it',
)
assert(reconcile.againCapMs * 2 < 90_000, 'every pending payment is final in 90 s (L1)')
assert(
  backlog.openMax / backlog.workedOffPerSecondMin <= 90,
  'a full backlog is final in 90 s (L1)',
)
