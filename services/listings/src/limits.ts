import {
  doorRelations,
  entranceRelations,
} from '@nightshift/patterns/load-shedding/entrance-relations'
import type { AnyValues, LimitPath, Relation } from '@nightshift/patterns/timeout-hierarchy/types'

/** The waits of a pool of connections to PostgreSQL. */
const poolWaits = {
  acquireMs: 1_000,
  lockMs: 500,
  statementMs: 1_000,
  idleInTransactionMs: 5_000,
} as const

/** A transaction takes a few milliseconds, so a burst of a hundred is over in half a second. */
const queueWaits = { waitingMax: 200, burstWaitMs: 500, burstMs: 100, hurriedWaitMs: 20 } as const

/** How many API keys are remembered, of the accepted and of the refused ones each. */
const apiKeysRememberedMax = 1_000

/**
 * Every number of this service, with its unit. Other figures would work too. The design is in the
 * relations below: a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 6_000,
    /** Receiving the whole request, and sending the whole answer. */
    receiveMs: 5_000,
    sendMs: 10_000,
    /**
     * Longer than a proxy keeps an idle connection (60 s is common), or it would write to a closed one.
     * undici reads this time from our answers and keeps a connection two seconds less.
     */
    keepAliveMs: 72_000,
    /** 5,000 characters of description may be 20,000 bytes of UTF-8. */
    bodyBytesMax: 32 * 1024,
    connectionsMax: 1_000,
    /** So many are kept free for new clients, by closing those that have been silent for longest. */
    connectionsFreeMin: 50,
    /** About a second's work of a process that is short of time. Clients leave after a longer wait. */
    acceptQueueMax: 128,
  },
  /** The pool for requests on behalf of one employer. */
  pool: { connectionsMax: 10, ...poolWaits },
  /**
   * Work that begins waits here for a connection. The other connections of the pool are for work that
   * has begun: its outcome is known, and only has to be written down.
   */
  beginnings: { atWorkMax: 6, ...queueWaits },
  /**
   * The pool for the consumer of payment events and the jobs. Public requests don't use it: a flood
   * of searches must not keep a paid listing from going live.
   */
  workerPool: { connectionsMax: 6, ...poolWaits },
  /** The pool for the public search, which needs no API key. */
  searchPool: { connectionsMax: 4, ...poolWaits, acquireMs: 500 },
  redis: {
    connectMs: 500,
    commandMs: 100,
    callsMax: 100,
    attemptMs: 150,
    attemptMinMs: 1,
    breakerWindowMs: 3_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 1_000,
    breakerProbeMs: 2_000,
  },
  paymentsHttp: {
    connectionsMax: 64,
    connectMs: 500,
    answerBytesMax: 64 * 1024,
    /** Calls under way at the same time, of each kind of work. */
    requestCallsMax: 56,
    jobCallsMax: 8,
  },
  payments: {
    /** Payments answers within its own budget of 3.5 s. The rest is for the network. */
    attemptMs: 4_000,
    attemptMinMs: 50,
    breakerWindowMs: 3_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 1_000,
    breakerProbeMs: 6_000,
    /** A call is repeated inside its request only if no byte was sent, as while payments restarts. */
    retriesMax: 2,
    retryShare: 0.1,
    retriesPerSecondMin: 0.5,
    retriesSavedMax: 5,
    retryBaseMs: 400,
    retryCapMs: 1_000,
    retryLeftMinMs: 1_000,
    /** A longer `Retry-After` of payments is cut to this. */
    retryAfterCapMs: 30_000,
  },
  /** What is admitted at the door: a little more than payments says that it takes. */
  admission: { surplus: 1.1, forgetMs: 10_000, burstMs: 1_000 },
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
  door: { newcomerMs: 4_000, activeMs: 2_000, burstMs: 1_000, tenantsMax: 1_000 },
  /** What each tenant may do. Redis counts it, for all instances together. */
  tenants: {
    /** The requests that may come at once. Their rate is a setting, PUBLICATIONS_PER_TENANT_PER_SECOND. */
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
   * Publications that wait for the job. When there are too many, new ones are refused: every accepted
   * publication must be final in 90 s (L1). How many are too many depends on what the job has finished
   * of late. `openMin` is for the slowest payments: it lets us finish one per second.
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
  /** The jobs that delete what is not needed any more, some at a time: docs/what-is-kept.md. */
  oldRows: {
    eventsKeptDays: 9,
    /** A client that comes back later with its key begins a new publication. Nothing was charged. */
    withdrawnKeptDays: 8,
    rowsMax: 500,
    idleMs: 60_000,
  },
  search: {
    pageDefault: 20,
    /** How old a cached page may become if Redis could not invalidate it. */
    cacheMs: 5_000,
  },
} as const

/** The numbers that a start chooses: these, or other ones of the same names. */
export type Limits = AnyValues<typeof limits>

/** The time for recording the outcome, after the attempt or the request. */
const record = ['pool.acquireMs', 'pool.statementMs'] as const

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
    because: 'An event that its topic still has may come again, and is recognised.',
  },
  ...(['pool', 'workerPool', 'searchPool'] as const).map(pool => ({
    larger: `${pool}.statementMs` as const,
    smaller: [`${pool}.lockMs` as const],
    because: 'A statement may wait for a lock and still be carried out.',
  })),
  {
    larger: 'http.requestBudgetMs',
    smaller: ['payments.attemptMs', ...record],
    orEqual: true,
    because: 'After the longest attempt, there is still time to record the outcome.',
  },
  {
    larger: 'redis.attemptMs',
    smaller: ['redis.commandMs'],
    because: 'Redis ends a command before its call is given up.',
  },
  ...doorRelations,
  ...entranceRelations,
  {
    larger: 'payments.attemptMs',
    smaller: ['paymentsHttp.connectMs'],
    because: 'Connecting is a part of an attempt.',
  },
  ...(['payments', 'redis'] as const).map(dependency => ({
    larger: `${dependency}.breakerProbeMs` as const,
    smaller: [`${dependency}.attemptMs` as const, 1_000],
    because:
      'A probe of the breaker has time for the longest attempt, and for one that is cut off late.',
  })),
  {
    larger: 'paymentsHttp.connectionsMax',
    smaller: ['paymentsHttp.requestCallsMax', 'paymentsHttp.jobCallsMax'],
    orEqual: true,
    because: 'A call that is let through waits for no connection.',
  },
  {
    larger: 'paymentsHttp.jobCallsMax',
    smaller: ['resume.concurrencyMax'],
    orEqual: true,
    because: 'The job finds a place for each of its calls.',
  },
  {
    larger: 'payments.retryCapMs',
    smaller: ['payments.retryBaseMs'],
    orEqual: true,
    because: 'The pause before a repetition grows up to its cap.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: [['payments.retriesMax', '*', 'payments.retryCapMs'], 'payments.retryLeftMinMs'],
    because: 'A repetition fits into a request.',
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
    larger: 'pool.connectionsMax',
    smaller: ['beginnings.atWorkMax', 'apiKeys.looks.atWorkMax'],
    because: 'What has begun finds a connection, however much begins.',
  },
  {
    larger: 'beginnings.burstWaitMs',
    smaller: ['beginnings.hurriedWaitMs'],
    because: 'In a queue that does not get shorter, waiting is of no use.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['tenants.commandMs', 'beginMinMs'],
    because: 'A publication can be begun although Redis does not answer.',
  },
  {
    larger: 'keyLeaseMs',
    smaller: ['http.requestBudgetMs', ...record],
    because: 'No other attempt takes over from an owner that may still be working.',
  },
  {
    larger: 'resume.firstCheckMs',
    smaller: ['http.requestBudgetMs', 2_000],
    because: 'The job leaves a publication to its request while the request may be in progress.',
  },
  {
    larger: 'pool.connectionsMax',
    smaller: ['resume.concurrencyMax'],
    because: 'The job leaves connections to requests.',
  },
  {
    larger: 'workerPool.connectionsMax',
    smaller: ['resume.concurrencyMax'],
    because: 'While the job takes publications, the consumer still gets a connection.',
  },
  {
    larger: 'resume.leaseMs',
    smaller: ['http.requestBudgetMs', ...record],
    because: 'No other worker takes a publication while its attempt may still be in progress.',
  },
  {
    larger: 'beginMinMs',
    smaller: ['payments.attemptMinMs'],
    because: 'A publication that is begun has time for its claim and then for payments.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['beginMinMs'],
    because: 'A publication that has its whole budget left is begun.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['drainMaxMs', 'http.requestBudgetMs', 1_000],
    because: 'A request that comes at the very end of the drain still has its whole budget.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['http.requestBudgetMs', ...record, 500],
    because: 'A stop has time for the longest request, the longest attempt of a job, and closing.',
  },
  {
    larger: 90_000,
    smaller: [[2, '*', 'resume.againCapMs']],
    because: 'Every pending publication is final in 90 s (L1).',
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
