import assert from 'node:assert/strict'

const waits = {
  acquireMs: 1_000,
  lockMs: 500,
  statementMs: 1_500,
  idleInTransactionMs: 5_000,
} as const

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
  /** For requests, which anybody may send. Nothing else may wait behind a crowd of them. */
  requestPool: { connectionsMax: 5, ...waits },
  /** For what follows from a listing that went live: the consumer and the matching. */
  matchingPool: { connectionsMax: 3, ...waits },
  /** For the mails: one connection for each that is being sent. */
  sendingPool: { connectionsMax: 4, ...waits },
  /** A stranger may save alerts for an address that is not theirs; this bounds what comes of it. */
  alertsPerAddressMax: 20,
  /** An address is sent one confirmation mail in this time, however many alerts are saved for it. */
  confirmationEveryMs: 6 * 3_600_000,
  match: {
    /**
     * Alerts looked at in one statement. 1,000 take about 40 ms if a third matches; a machine that is
     * ten times as slow stays within the limit of a statement.
     */
    sliceMax: 1_000,
    idleMs: 50,
    failureBackoffCapMs: 2_000,
  },
  smtp: { connectMs: 1_000, greetingMs: 2_000, silenceMs: 4_500, connectionsMax: 4 },
  send: {
    roundMax: 200,
    concurrencyMax: 4,
    idleMs: 100,
    failureBackoffCapMs: 2_000,
    /** How many queues without a due mail are looked at before a sender rests. */
    turnsMax: 20,
    /** How often the queue of confirmations is looked into: saving an alert does not wake it. */
    confirmationsPollMs: 250,
    /** One attempt from beginning to end, connecting included, whatever the server does. */
    attemptMs: 5_000,
    /** From taking one mail to the moment at which another sender may take it. */
    leaseMs: 15_000,
    againBaseMs: 500,
    againCapMs: 60_000,
    /** The longest that a mail server may put off the next attempt. */
    retryAfterCapMs: 60_000,
    /** About two hours of a mail server that is away; then it is written down as failed, and why. */
    attemptsMax: 130,
    /** Attempts of one mail that may each have left a copy with the server. */
    copiesMax: 3,
  },
  /** A supervisor kills after 10 s (L6: SIGTERM to exit in 10 s, with no dropped request). */
  stopDeadlineMs: 9_000,
} as const

const { http, requestPool, matchingPool, sendingPool, match, smtp, send, stopDeadlineMs } = limits
/** After an attempt its outcome is still written down. */
const recordMs = waits.acquireMs + waits.statementMs
/** Closing what is open, when nothing is in progress any more. */
const closeMs = 500
for (const { lockMs, statementMs } of [requestPool, matchingPool, sendingPool]) {
  assert(lockMs < statementMs, 'a lock is waited for within a statement')
}
assert(waits.acquireMs + waits.statementMs < http.requestBudgetMs, 'a statement fits a request')
assert(smtp.greetingMs < send.attemptMs && smtp.silenceMs < send.attemptMs, 'an attempt ends last')
assert(
  send.concurrencyMax <= sendingPool.connectionsMax && send.concurrencyMax <= smtp.connectionsMax,
  'each mail that is being sent has both of its connections',
)
assert(
  send.leaseMs > send.attemptMs + recordMs,
  'no other sender takes a mail while its attempt may still be in progress',
)
assert(
  stopDeadlineMs > send.attemptMs + recordMs + closeMs,
  'a stop outlasts the longest attempt and the writing down of its outcome',
)
assert(
  stopDeadlineMs > http.requestBudgetMs + waits.statementMs + closeMs,
  'a stop outlasts the longest request and the slice that is being matched',
)
assert(
  send.copiesMax < send.attemptsMax,
  'an unknown outcome is repeated less often than a refusal',
)
assert(
  send.confirmationsPollMs < limits.confirmationEveryMs && match.idleMs < 1_000,
  'nothing waits long for a look',
)
