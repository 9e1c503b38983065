import assert from 'node:assert/strict'

/**
 * Every number of this service, with its unit. The figures are one solution; the relations below
 * are the design, and a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 3_500,
    receiveMs: 5_000,
    // Longer than a proxy keeps an idle connection (60 s is common), or it writes to a closed one. undici
    // reads this time from our answers and keeps a connection two seconds less.
    keepAliveMs: 72_000,
    bodyBytesMax: 16 * 1024,
    /** An event holds a whole object of the provider; 50 metadata values of 500 characters are 24 KB. */
    webhookBytesMax: 256 * 1024,
    connectionsMax: 1_000,
  },
  pool: {
    connectionsMax: 10,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  /** For what works for all tenants: payments many at a time, and the jobs. */
  workerPool: {
    connectionsMax: 8,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  /**
   * For looking up why a key could not be claimed. Apart from the worker's, because of a hundred
   * duplicates in one moment each is looked up by itself.
   */
  lookUpPool: {
    connectionsMax: 4,
    acquireMs: 1_000,
    lockMs: 500,
    statementMs: 1_000,
    idleInTransactionMs: 5_000,
  },
  providerHttp: { connectionsMax: 64, connectMs: 500, answerBytesMax: 64 * 1024 },
  provider: {
    attemptMs: 2_000,
    attemptMinMs: 50,
    breakerWindowMs: 10_000,
    breakerVolumeMin: 20,
    breakerFailurePercent: 50,
    breakerOpenMs: 3_000,
    /** The longest that a `Retry-After` may put off the next attempt. */
    retryAfterCapMs: 30_000,
  },
  /**
   * What the provider publishes: how long it remembers a key (docs.stripe.com/api/idempotent_requests;
   * `GET /rules` of the simulator), and how long it may take to carry out what it has taken in. The
   * margin is ours.
   */
  providerRules: {
    keyWindowMs: 24 * 3_600_000,
    keyMarginMs: 3_600_000,
    processingDelayMaxMs: 600_000,
  },
  /** Of answers, where a variant of the keys keeps them there. */
  cache: { connectMs: 500, commandMs: 250 },
  /** A revoked key is refused after `cacheMs`, and a key that was tried before it was issued is good after `refusedMs`. */
  apiKeys: {
    cacheMs: 5_000,
    cachedMax: 1_000,
    refusedMs: 1_000,
    refusedMax: 1_000,
    /** A look takes about a millisecond: a full queue is worked off in a fifth of a second. */
    looks: { atWorkMax: 2, waitingMax: 400, waitMs: 1_000 },
  },
  /** With less left of a request, nothing is begun: the provider could not be asked in it. */
  beginMinMs: 100,
  /** How long the owner of a key may be silent before another attempt takes over. */
  keyLeaseMs: 10_000,
  /**
   * As many batches of each phase at a time, and payments in each. A second lane takes from the first
   * the company that makes a commit cheap: with two, 64 callers cost half as much processor time again.
   */
  batching: { workersMax: 1, batchMax: 128 },
  /** Payments or lines of a page, unless the caller says otherwise; and refunds of one payment. */
  page: { defaultSize: 50, refundsMax: 1_000 },
  /** Keys whose time is over, a few at a time. */
  reaper: { keysBatchMax: 500, keysIdleMs: 60_000 },
  reconcile: {
    /** The first look at a payment whose request has gone quiet. */
    firstCheckMs: 6_000,
    /** After an answer that left the outcome open. */
    againBaseMs: 1_000,
    againCapMs: 15_000,
    /** Until a refund that only a person can decide about is looked at again. */
    escalatedMs: 1_800_000,
    /** From taking one item to the moment at which another worker may take it. */
    leaseMs: 6_000,
    roundMax: 20,
    concurrencyMax: 4,
    idleMs: 500,
    failureBackoffCapMs: 5_000,
  },
  /** A supervisor kills after 10 s (L6: SIGTERM to exit in 10 s, with no dropped request). */
  stopDeadlineMs: 9_000,
  /**
   * Payments that their requests left open, waiting for the reconciler. With this many, new ones are
   * refused: what is accepted must be final in 90 s (L1), also while a provider at its quota leaves
   * us no more than one in a second to catch up.
   */
  backlog: { openMax: 60, workedOffPerSecondMin: 1, lookMs: 250 },
} as const

const { http, pool, workerPool, lookUpPool, batching, reconcile, backlog, keyLeaseMs, beginMinMs } =
  limits
const { provider, providerHttp, providerRules, stopDeadlineMs } = limits
/** After an attempt, or a request, its outcome is still written down. */
const recordMs = workerPool.acquireMs + workerPool.statementMs
for (const { lockMs, statementMs } of [pool, workerPool, lookUpPool]) {
  assert(lockMs < statementMs, 'a lock is waited for within a statement')
}
assert(
  2 * batching.workersMax < workerPool.connectionsMax,
  'with all lanes of both phases busy, the jobs still get a connection',
)
assert(
  provider.attemptMinMs < beginMinMs && beginMinMs < http.requestBudgetMs,
  'what is begun has time for its claim and then for the provider',
)
assert(
  provider.attemptMs + pool.acquireMs + 500 <= http.requestBudgetMs,
  'after the provider had its time, the outcome must still be recorded',
)
assert(providerHttp.connectMs < provider.attemptMs, 'connecting is a part of an attempt')
assert(
  providerRules.keyMarginMs > http.requestBudgetMs + providerRules.processingDelayMaxMs,
  'when the provider forgets a key, no request under it is on its way any more',
)
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
  reconcile.firstCheckMs > http.requestBudgetMs + 2_000,
  'the reconciler leaves a payment to its request while that may be alive',
)
assert(
  reconcile.leaseMs > http.requestBudgetMs + recordMs,
  'no other worker takes an item while its attempt may still be in progress',
)
assert(
  stopDeadlineMs > http.requestBudgetMs + recordMs + 1_000,
  'a stop outlasts the longest request, the longest attempt of a job, and closing',
)
assert(reconcile.againCapMs * 2 < 90_000, 'every pending payment is final in 90 s (L1)')
assert(
  backlog.openMax / backlog.workedOffPerSecondMin <= 90,
  'a full backlog is final in 90 s (L1)',
)
