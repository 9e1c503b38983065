import { entranceRelations } from '@nightshift/patterns/load-shedding/entrance-relations'
import type { LimitPath, Relation } from '@nightshift/patterns/timeout-hierarchy/types'

/** The waits of every pool of connections to PostgreSQL. */
const poolWaits = {
  acquireMs: 1_000,
  lockMs: 500,
  statementMs: 1_500,
  idleInTransactionMs: 5_000,
} as const

/**
 * Every number of this service, with its unit. Other figures would work too. The design is in the
 * relations below: a service that breaks one does not start.
 */
export const limits = {
  http: {
    requestBudgetMs: 3_000,
    /** Receiving the whole request, and sending the whole answer. */
    receiveMs: 5_000,
    sendMs: 10_000,
    /** Longer than our callers keep an idle connection, or they would write to a closed one. */
    keepAliveMs: 72_000,
    bodyBytesMax: 8 * 1024,
    connectionsMax: 1_000,
    /** So many are kept free for new clients, by closing those that have been silent for longest. */
    connectionsFreeMin: 50,
    /** About a second's work of a process that is short of time. Clients leave after a longer wait. */
    acceptQueueMax: 128,
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
  /** The pool for requests. They are public, so a flood of them must not delay anything else. */
  requestPool: { connectionsMax: 5, ...poolWaits },
  /** The pool for the consumer and for matching alerts. */
  matchingPool: { connectionsMax: 3, ...poolWaits },
  /** The pool for sending: one connection for each mail in progress. */
  sendingPool: { connectionsMax: 4, ...poolWaits },
  /** The limit of each client. Its rate is a setting, ALERTS_PER_CLIENT_PER_SECOND. */
  clients: { burstMs: 2_000, clientsMax: 10_000 },
  /** Anybody can save alerts for any address, so their number is bounded. */
  alertsPerAddressMax: 20,
  /** An address gets at most one confirmation mail in this time, even if many alerts are saved. */
  confirmationEveryMs: 6 * 3_600_000,
  match: {
    /**
     * Alerts per statement. 1,000 take about 40 ms if a third matches. A machine that is ten times
     * slower stays within the limit of a statement.
     */
    sliceMax: 1_000,
    idleMs: 50,
    failureBackoffCapMs: 2_000,
  },
  smtp: {
    connectMs: 1_000,
    greetingMs: 2_000,
    silenceMs: 4_500,
    connectionsMax: 4,
    /** Four senders that each wait for a silent server make one failure a second. */
    breakerWindowMs: 20_000,
    breakerVolumeMin: 10,
    breakerFailurePercent: 75,
    breakerOpenMs: 2_000,
    breakerProbeMs: 8_000,
  },
  send: {
    roundMax: 200,
    concurrencyMax: 4,
    idleMs: 100,
    failureBackoffCapMs: 2_000,
    /** How many queues without a due mail a sender tries before it rests. */
    turnsMax: 20,
    /**
     * How often the queue of confirmations is checked, because saving an alert does not wake it.
     */
    confirmationsPollMs: 250,
    /** How often the age of the oldest mail is looked at. */
    oldestEveryMs: 1_000,
    /** The longest attempt, connecting included. */
    attemptMs: 5_000,
    attemptMinMs: 100,
    /** How long one sender owns a mail. After that, another sender may take it. */
    leaseMs: 15_000,
    /** The first wait after an attempt without a final outcome. Later waits are longer. */
    againBaseMs: 500,
    againCapMs: 60_000,
    /** A longer wait that the mail server requests is cut to this. */
    retryAfterCapMs: 60_000,
    /**
     * Enough for about two hours without a mail server. After that the mail fails with a reason.
     */
    attemptsMax: 130,
    /** The most attempts of one mail that may each have left a copy with the server. */
    copiesMax: 3,
  },
  /** The jobs that delete what is not needed any more, some at a time: docs/what-is-kept.md. */
  oldRows: {
    eventsKeptDays: 9,
    /** An announcement that is gone would be made again by its event, so it outlives its topic, too. */
    announcementsKeptDays: 9,
    /** Addresses that are unconfirmed, or were unsubscribed. */
    addressesKeptDays: 8,
    rowsMax: 500,
    idleMs: 60_000,
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
} as const

/** The time for recording the outcome of an attempt. */
const record = ['sendingPool.acquireMs', 'sendingPool.statementMs'] as const
/** The time for closing connections when no work is in progress. */
const closeMs = 500

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
  {
    larger: 'oldRows.announcementsKeptDays',
    smaller: [topicsKeepDays],
    because: 'An announcement that is gone would be made again by its event.',
  },
  ...(['requestPool', 'matchingPool', 'sendingPool'] as const).map(pool => ({
    larger: `${pool}.statementMs` as const,
    smaller: [`${pool}.lockMs` as const],
    because: 'A statement may wait for a lock and still be carried out.',
  })),
  {
    larger: 'http.requestBudgetMs',
    smaller: ['requestPool.acquireMs', 'requestPool.statementMs'],
    because: 'A request has time for a statement.',
  },
  ...(['smtp.greetingMs', 'smtp.silenceMs'] as const).map(wait => ({
    larger: 'send.attemptMs' as const,
    smaller: [wait],
    because: 'No single wait outlasts an attempt.',
  })),
  {
    larger: 'smtp.breakerProbeMs',
    smaller: ['send.attemptMs', 1_000],
    because:
      'A probe of the breaker has time for the longest attempt, and for one that is cut off late.',
  },
  {
    larger: 'sendingPool.connectionsMax',
    smaller: ['send.concurrencyMax'],
    orEqual: true,
    because: 'Each mail in progress has a connection to the database.',
  },
  {
    larger: 'smtp.connectionsMax',
    smaller: ['send.concurrencyMax'],
    orEqual: true,
    because: 'Each mail in progress has a connection to the mail server.',
  },
  {
    larger: 'http.requestBudgetMs',
    smaller: ['loop.lagMaxMs', 'requestPool.statementMs'],
    because: 'A request that was read late can still ask the database.',
  },
  ...entranceRelations,
  {
    larger: 'send.leaseMs',
    smaller: ['send.attemptMs', ...record],
    because: 'No other sender takes a mail while its attempt may still be in progress.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['drainMaxMs', 'http.requestBudgetMs', 1_000],
    because: 'A request that comes at the very end of the drain still has its whole budget.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['send.attemptMs', ...record, closeMs],
    because: 'A stop has time for the longest attempt and for recording its outcome.',
  },
  {
    larger: 'stopDeadlineMs',
    smaller: ['http.requestBudgetMs', 'matchingPool.statementMs', closeMs],
    because: 'A stop has time for the longest request and the slice in progress.',
  },
  {
    larger: 'send.attemptsMax',
    smaller: ['send.copiesMax'],
    because: 'An unknown outcome is repeated less often than a refusal.',
  },
  {
    larger: 'confirmationEveryMs',
    smaller: ['send.confirmationsPollMs'],
    because: 'A confirmation is sent before another one may be asked for.',
  },
  { larger: 1_000, smaller: ['match.idleMs'], because: 'No announcement waits long.' },
]
