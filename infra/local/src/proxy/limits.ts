import { strict as assert } from 'node:assert'

/**
 * Every number of the proxy before two instances of a service, with its unit. The relations to the
 * limits of the services are in `tools/docs/system-limits.ts`.
 */
export const proxyLimits = {
  /** From the whole request to the head of its answer: the budget of the service, and a little. */
  answerMs: { payments: 3_750, listings: 6_250, notifications: 3_250 },
  /** Connecting to an instance on the same machine. After that, the other one is tried. */
  connectMs: 250,
  /** The first attempt and so many more, each at the next instance. */
  connectRetries: 2,
  /** Receiving the head of a request. The services allow as much for the whole of it. */
  headMs: 5_000,
  /** A body that stops arriving, or an answer that is no longer read. */
  stalledMs: 10_000,
  /**
   * An idle connection of a client. It is longer than the 72 s that the services announce in their
   * answers: a client that believes them never writes to a connection that is just being closed.
   */
  idleMs: 75_000,
  /** Idle connections to one instance that are kept for the next requests. */
  idleConnectionsMax: 64,
  /**
   * Connections of clients to one service. Fewer than one instance takes, so that a single instance
   * is enough for all of them, and no request has to wait for another one inside the proxy.
   */
  connectionsMax: 900,
  /** Connections that wait in the kernel until one of the others ends. */
  backlogMax: 128,
  /** No request waits inside the proxy. If one ever did, it would be refused after this time. */
  queueMs: 100,
  /** How often an instance is asked whether it is ready. */
  checkEveryMs: 300,
  /** How soon it is asked again after an answer that was not expected. */
  checkAgainMs: 100,
  /** An answer that takes longer counts as none. */
  checkAnswerMs: 1_000,
  /** So many unexpected answers in a row, and an instance gets no more requests. */
  checksToFall: 2,
  /** So many expected ones, and it gets requests again. */
  checksToRise: 1,
  /**
   * How long an instance that has just begun gets fewer requests than the other one, first few and
   * then more: its code is not compiled yet.
   */
  warmUpMs: 2_000,
  /**
   * How long an instance that stops still serves after it has said that it is not ready. It gets no
   * new request by then, even if the machine is so busy that a check takes half a second.
   */
  drainMs: 1_250,
} as const

const { checkEveryMs, checkAgainMs, checksToFall, drainMs } = proxyLimits
/** A check may take this long on a busy machine and still be answered. */
const busyMs = 500
assert(
  checkEveryMs + (checksToFall - 1) * checkAgainMs + busyMs < drainMs,
  'the proxy has noticed that an instance stops before it takes no more connections',
)
