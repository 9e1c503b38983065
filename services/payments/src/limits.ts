import {
  doorRelations,
  entranceRelations,
} from '@nightshift/patterns/load-shedding/entrance-relations'
import type { AnyValues, LimitPath, Relation } from '@nightshift/patterns/timeout-hierarchy/types'

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
    /** Receiving the whole request, and sending the whole answer. */
    receiveMs: 5_000,
    sendMs: 10_000,
    /**
     * Longer than a proxy keeps an idle connection (60 s is common), or it would write to a closed one.
     * undici reads this time from our answers and keeps a connection two seconds less.
     */
    keepAliveMs: 72_000,
    bodyBytesMax: 16 * 1024,
    /** An event contains a whole object of the provider. Its metadata alone may have 24 KB. */
    webhookBytesMax: 256 * 1024,
    connectionsMax: 1_000,
    /** So many are kept free for new clients, by closing those that have been silent for longest. */
    connectionsFreeMin: 50,
    /** About a second's work of a process that is short of time. Clients leave after a longer wait. */
    acceptQueueMax: 128,
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
  providerHttp: {
    connectionsMax: 72,
    connectMs: 500,
    answerBytesMax: 64 * 1024,
    /** Calls under way at the same time, of each kind of work. */
    requestCallsMax: 56,
    jobCallsMax: 16,
    /**
     * Payments are claimed in batches, and those of one batch call at the same moment. A call without a
     * place waits this long for one; a claimed payment that gets none is left to the reconciler.
     */
    placeWaitMs: 100,
    placesWaitingMax: 256,
  },
  provider: {
    attemptMs: 2_000,
    attemptMinMs: 50,
    /** The search for a charge before it is repeated. */
    searchMs: 900,
    breakerWindowMs: 3_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 500,
    breakerProbeMs: 4_000,
    /** A call is repeated inside its request only if it certainly had no effect. */
    retriesMax: 1,
    retryShare: 0.1,
    retriesPerSecondMin: 0.5,
    retriesSavedMax: 5,
    retryBaseMs: 100,
    retryCapMs: 250,
    retryLeftMinMs: 1_000,
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
    windowMs: 2_000,
    effectMs: 250,
    littleMs: 1_000,
    burstMs: 1_000,
  },
  /** When the event loop is behind, no request is begun. */
  loop: {
    everyMs: 50,
    /** The longest that a request may have waited before it was read. */
    lagMaxMs: 1_000,
    catchUpMs: 250,
    windowMs: 500,
    busyShareMax: 0.98,
    averageLagMaxMs: 50,
    answerMs: 500,
    inFlightMin: 4,
    regainedShare: 0.1,
    /** A burst of new connections has at most so many, or is accepted in this time. */
    acceptBurstMax: 64,
    acceptBurstMs: 500,
  },
  /** It serves newcomers first, and gives each tenant a share. */
  door: { newcomerMs: 2_300, activeMs: 2_000, burstMs: 1_000, tenantsMax: 1_000 },
  /** What each tenant may do. Redis counts it, for all instances together. */
  tenants: {
    /** The requests that may come at once. Their rate is a setting, PAYMENTS_PER_TENANT_PER_SECOND. */
    burstMs: 250,
    /**
     * Declined payments: a card tester needs many. An hour has no more than both numbers together,
     * plus a burst that was under way. Paid ones give some back: a tenant with fewer than one declined
     * per ten paid hardly ever meets this limit.
     */
    declinedPerHour: 50,
    declinedAtOnce: 50,
    paidPerDeclined: 10,
    connectMs: 500,
    /** The longest wait for Redis. The process decides alone after that, and for a while. */
    commandMs: 100,
    coolOffMs: 1_000,
    bucketsMax: 10_000,
  },
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
  /** The job that adds what has settled to the statements. */
  statements: { linesMax: 500, idleMs: 250 },
  /** The jobs that delete what is not needed any more, some at a time: docs/what-is-kept.md. */
  oldRows: {
    eventsKeptDays: 9,
    /** Stripe repeats a webhook for three days. */
    webhooksKeptDays: 8,
    rowsMax: 500,
    idleMs: 60_000,
  },
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
    /** One check of so many is for the payment that became due last. Its caller may still be there. */
    latestEvery: 3,
    roundMax: 20,
    /** After a trouble as much has piled up as may be open. With four at once, calls of a second took 20 s. */
    concurrencyMax: 8,
    idleMs: 200,
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
   * Payments that wait for the reconciler. When there are too many, new payments are refused: every
   * accepted payment must be final in 90 s (L1). How many are too many depends on what the reconciler
   * has finished of late. `openMin` is for the slowest provider: its quota lets us finish one payment
   * per second.
   */
  backlog: {
    openMin: 45,
    openMax: 300,
    workedOffPerSecondMin: 1,
    /** Half of the 90 s: newcomers may use up as much of the provider's quota as the job. */
    finishMs: 45_000,
    rateWindowMs: 5_000,
    lookMs: 250,
  },
} as const

/** The numbers that a start chooses: these, or other ones of the same names. */
export type Limits = AnyValues<typeof limits>

/** The time for recording the outcome, after the attempt or the request. */
const record = ['workerPool.acquireMs', 'workerPool.statementMs'] as const

/**
 * The longest that a topic keeps an event. This file may not read packages/contracts/src/topics.ts;
 * what-is-kept.test.ts compares `oldRows.eventsKeptDays` with it.
 */
const topicsKeepDays = 8

/** A service that breaks one of these does not start. `npm run limits` prints them. */
export const relations: readonly Relation<LimitPath<typeof limits>>[] = [
  {
    larger: 'oldRows.eventsKeptDays',
    smaller: [topicsKeepDays],
    because: 'The row of an event proves that it was meant, as long as its topic has the event.',
  },
  ...(['pool', 'workerPool', 'lookUpPool'] as const).map(pool => ({
    larger: `${pool}.statementMs` as const,
    smaller: [`${pool}.lockMs` as const],
    because: 'A statement may wait for a lock and still be carried out.',
  })),
  {
    larger: 'workerPool.connectionsMax',
    smaller: [[2, '*', 'batching.workersMax']],
    because: 'With all workers of both phases busy, the jobs still get a connection.',
  },
  {
    larger: 'beginMinMs',
    smaller: ['provider.attemptMinMs'],
    because: 'A payment that is begun has time for its claim and then for the provider.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['beginMinMs'],
    because: 'A payment that has its whole budget left is begun.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['provider.attemptMs', 'workerPool.acquireMs', 500],
    orEqual: true,
    because: 'After the longest attempt, a healthy database still has time to record the outcome.',
  },
  ...doorRelations,
  ...entranceRelations,
  {
    larger: 'provider.attemptMs',
    smaller: [[2, '*', 'provider.searchMs']],
    because: 'A search ends before half of an attempt, so its silence does not open the breaker.',
  },
  {
    larger: 500,
    smaller: ['providerHttp.placeWaitMs', 400],
    orEqual: true,
    because: 'The wait for a place fits into the time that is left beside the longest attempt.',
  },
  {
    larger: 'provider.attemptMs',
    smaller: ['providerHttp.connectMs'],
    because: 'Connecting is a part of an attempt.',
  },
  {
    larger: 'provider.breakerProbeMs',
    smaller: ['provider.attemptMs', 1_000],
    because:
      'A probe of the breaker has time for the longest attempt, and for one that is cut off late.',
  },
  {
    larger: 'providerHttp.placesWaitingMax',
    smaller: [[2, '*', 'batching.batchMax']],
    orEqual: true,
    because: 'All payments of a batch can wait for a place, beside those of the batch before.',
  },
  {
    larger: 'providerHttp.connectionsMax',
    smaller: ['providerHttp.requestCallsMax', 'providerHttp.jobCallsMax'],
    orEqual: true,
    because: 'A call that is let through waits for no connection.',
  },
  {
    larger: 'providerHttp.jobCallsMax',
    smaller: [[2, '*', 'reconcile.concurrencyMax']],
    orEqual: true,
    because: 'The jobs for payments and for refunds find a place for each of their calls.',
  },
  {
    larger: 'provider.retryCapMs',
    smaller: ['provider.retryBaseMs'],
    orEqual: true,
    because: 'The pause before a repetition grows up to its cap.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: [['provider.retriesMax', '*', 'provider.retryCapMs'], 'provider.retryLeftMinMs'],
    because: 'A repetition fits into a request.',
  },
  {
    larger: 'providerRules.keyMarginMs',
    smaller: ['http.requestBudgetMs', 'providerRules.processingDelayMaxMs'],
    because: 'When the provider forgets a key, no request under it is on its way any more.',
  },
  {
    larger: 'pool.connectionsMax',
    smaller: [[2, '*', 'apiKeys.looks.atWorkMax']],
    because: 'Look-ups of invalid API keys leave most connections to valid requests.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['apiKeys.looks.waitMs', 'pool.acquireMs'],
    because: 'A caller gets an answer even if its key could not be looked up.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['tenants.commandMs', 'beginMinMs'],
    because: 'A payment can be begun although Redis does not answer.',
  },
  {
    larger: 'keyLeaseMs',
    smaller: ['http.requestBudgetMs', ...record],
    because: 'No other attempt takes over from an owner that may still be working.',
  },
  {
    larger: 'reconcile.firstCheckMs',
    smaller: ['http.requestBudgetMs', 2_000],
    because: 'The reconciler leaves a payment to its request while the request may be in progress.',
  },
  {
    larger: 'reconcile.leaseMs',
    smaller: ['http.requestBudgetMs', ...record],
    because: 'No other worker takes an item while its attempt may still be in progress.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['drainMaxMs', 'http.requestBudgetMs', 1_000],
    because: 'A request that comes at the very end of the drain still has its whole budget.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['http.requestBudgetMs', ...record, 1_000],
    because: 'A stop has time for the longest request, the longest attempt of a job, and closing.',
  },
  {
    larger: 90_000,
    smaller: [[2, '*', 'reconcile.againCapMs']],
    because: 'Every pending payment is final in 90 s (L1).',
  },
  {
    larger: [45, '*', 'backlog.workedOffPerSecondMin'],
    smaller: ['backlog.openMin'],
    orEqual: true,
    because: 'A full backlog is final in 90 s (L1), even if newcomers use up half of the quota.',
  },
  {
    larger: 45_000,
    smaller: ['backlog.finishMs'],
    orEqual: true,
    because: 'So is the larger backlog of a faster job.',
  },
  {
    larger: 'backlog.openMax',
    smaller: ['backlog.openMin'],
    orEqual: true,
    because: 'A faster job may have more open, and never less.',
  },
]
