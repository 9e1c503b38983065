import { NoTurn, type Turns, workInTurns } from '@nightshift/runtime/process/turns'

export type QueueLimits = Readonly<{
  /** How many work at once. */
  atWorkMax: number
  /** How many more may wait. */
  waitingMax: number
  /** How long each may wait while the queue is only a burst. */
  burstWaitMs: number
  /** A queue that was never empty for so long is no burst any more. */
  burstMs: number
  /** How long each may wait then. */
  hurriedWaitMs: number
}>

type Waiting = Readonly<{ begin: () => void; timer: NodeJS.Timeout }>

/**
 * A queue in front of a scarce thing of our own, such as the connections of a pool. A burst may wait, in
 * order. A queue that does not become empty is no burst: it only makes everybody late, because it never
 * gets shorter by waiting. Then each waits for a short time only, and the newest is served first.
 *
 * The two waits are those of CoDel (RFC 8289) in the form for servers, and the order is adaptive LIFO
 * (Maurer, "Fail at scale", ACM Queue 2015).
 * @param now milliseconds of a monotonic clock
 */
export function newestFirst(limits: QueueLimits, now = () => performance.now()): Turns {
  /** The newest is the last. */
  const waiting: Waiting[] = []
  let atWork = 0
  let emptyAtMs = Number.NEGATIVE_INFINITY

  function isStanding(): boolean {
    return waiting.length > 0 && now() - emptyAtMs > limits.burstMs
  }

  async function turn(): Promise<void> {
    if (atWork < limits.atWorkMax) {
      atWork += 1
      return
    }
    if (waiting.length >= limits.waitingMax) throw new NoTurn('too many wait for a turn')
    if (waiting.length === 0) emptyAtMs = now()
    const waitMs = isStanding() ? limits.hurriedWaitMs : limits.burstWaitMs
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      waiting.splice(waiting.indexOf(entry), 1)
      reject(new NoTurn('the turn did not come in time'))
    }, waitMs)
    const entry = { begin: resolve, timer }
    waiting.push(entry)
    await promise
  }

  /** A turn is handed on and not given up: work that comes now must not overtake all that waits. */
  function handOn(): void {
    const next = isStanding() ? waiting.pop() : waiting.shift()
    if (next === undefined) {
      atWork -= 1
      return
    }
    clearTimeout(next.timer)
    next.begin()
  }

  return workInTurns(turn, handOn)
}
