import type { Socket } from 'node:net'
import { jitteredRetryAfterSeconds, type Refusal } from '@nightshift/runtime/http/problem'
import { Counter, type Registry } from 'prom-client'
import { type AcceptBurstLimits, watchAcceptQueue } from './accept-queue.ts'

export type LoopLimits = Readonly<{
  /** How often the event loop is looked at. */
  everyMs: number
  /** A request that waited longer than this before it was read is not begun. */
  lagMaxMs: number
  /** After such a stall, this long passes until everything that waited has been read. */
  catchUpMs: number
  /** The time over which the loop is judged. */
  windowMs: number
  /** A loop that is busy for at least this share of the time, and late on average, is overloaded. */
  busyShareMax: number
  averageLagMaxMs: number
  /** In an overload only so much is in flight that each request is answered in this time. */
  answerMs: number
  /** The fewest in flight. With none, the end of the overload would not be noticed. */
  inFlightMin: number
  /** After a window without overload, so much more may be in flight. */
  regainedShare: number
}>

export type EntranceLimits = LoopLimits & AcceptBurstLimits

/** The time and the work of an event loop, as `performance` has them. */
export type LoopClock = Readonly<{
  now: () => number
  eventLoopUtilization: typeof performance.eventLoopUtilization
}>

/**
 * The best rate of so many windows is the one that counts, as in BBR (Cardwell et al. 2016): answers
 * come in bursts, and a window with few of them says nothing about what can be done.
 */
const ratesMax = 2

/**
 * Judges from how late its own looks are which requests this process can still serve in time. A stall
 * is seen before the requests that waited for its end: timers run before sockets are read. No deadline
 * knows of that wait, because it begins when a request is read.
 *
 * Being busy is no overload: a process at full work that answers at once has a share of 1, too. The
 * share is of an interval. Since the start of the process, an hour at rest would hide an hour of
 * overload.
 *
 * How much may be in flight in an overload follows from what was answered of late (Little's law: in
 * flight = rate x time). A process that has no more than that answers in time, however late its loop
 * is, and is left alone: a limit that went down with every late window would end at its least.
 */
export function judgeLoop(limits: LoopLimits, clock: LoopClock = performance) {
  let lookedMs = clock.now()
  let behindUntilMs = Number.NEGATIVE_INFINITY
  let window = windowFrom(lookedMs)
  let inFlight = 0
  let inFlightMax = Number.POSITIVE_INFINITY
  let answeredPerMs: readonly number[] = []

  function windowFrom(startedMs: number) {
    return { startedMs, lagMs: 0, looks: 0, answered: 0, work: clock.eventLoopUtilization() }
  }

  function judgeWindow(lengthMs: number): void {
    const { utilization } = clock.eventLoopUtilization(window.work)
    const averageLagMs = window.lagMs / window.looks
    const isBehind = utilization >= limits.busyShareMax && averageLagMs > limits.averageLagMaxMs
    answeredPerMs = [...answeredPerMs.slice(1 - ratesMax), window.answered / lengthMs]
    const inTime = Math.max(limits.inFlightMin, Math.max(...answeredPerMs) * limits.answerMs)
    if (isBehind && inFlight > inTime) {
      inFlightMax = Math.min(inFlightMax, inTime)
    } else if (utilization < limits.busyShareMax / 2) {
      // The load has gone. Whoever comes now would be refused for an overload that is over.
      inFlightMax = Number.POSITIVE_INFINITY
    } else inFlightMax *= 1 + limits.regainedShare
  }

  return {
    /** Has to be called every `everyMs`. */
    look(): void {
      const nowMs = clock.now()
      const lagMs = Math.max(0, nowMs - lookedMs - limits.everyMs)
      lookedMs = nowMs
      if (lagMs > limits.lagMaxMs) {
        behindUntilMs = nowMs + limits.catchUpMs
        // One stall, however long, says nothing about the load.
        window = windowFrom(nowMs)
        return
      }
      window.lagMs += lagMs
      window.looks += 1
      const lengthMs = nowMs - window.startedMs
      if (lengthMs < limits.windowMs) return
      judgeWindow(lengthMs)
      window = windowFrom(nowMs)
    },
    /** Whether a request that was read now may begin. It is in flight then, until `answered`. */
    begin(): boolean {
      if (clock.now() < behindUntilMs || inFlight >= inFlightMax) return false
      inFlight += 1
      return true
    },
    answered(): void {
      inFlight -= 1
      window.answered += 1
    },
  }
}

const behind: Refusal = {
  status: 503,
  slug: 'overloaded',
  title: 'This instance is behind with its work',
  detail: 'This request has begun nothing. Send it again, with the same key, after Retry-After.',
}

/**
 * The last signals of overload, before anything is known about a request: it has waited in the queue of the
 * kernel, or the event loop is late. They are for the public port. The operations port is never shed,
 * because operators need it then. The looks begin with the first request: the time that starting takes
 * is no overload.
 * @returns the entrance; dispose of it to end the looks
 */
export function refuseWhileBehind(limits: EntranceLimits, registry: Registry) {
  const queue = watchAcceptQueue(limits)
  let loop: ReturnType<typeof judgeLoop> | undefined
  let looking: NodeJS.Timeout | undefined
  const refused = new Counter({
    name: 'loop_behind_refused_total',
    help: 'Requests that were refused because the event loop of this process was behind.',
    registers: [registry],
  })
  const waited = new Counter({
    name: 'accept_queue_refused_total',
    help: 'Requests that were refused because their connections had waited too long to be accepted.',
    registers: [registry],
  })
  const refuseBecause = (counter: Counter): Refusal => {
    counter.inc()
    return { ...behind, retryAfterSeconds: jitteredRetryAfterSeconds() }
  }
  return {
    watch: queue.watch,
    refuse(connection: Socket): Refusal | undefined {
      if (!loop) {
        loop = judgeLoop(limits)
        looking = setInterval(loop.look, limits.everyMs).unref()
      }
      if (queue.hasWaited(connection)) return refuseBecause(waited)
      return loop.begin() ? undefined : refuseBecause(refused)
    },
    answered: () => loop?.answered(),
    [Symbol.dispose]: () => clearInterval(looking),
  }
}
