/** A timer that fires so much too late says that our own event loop was stalled. */
const stallMs = 20
/** What has arrived meanwhile is read in this time, before a call counts as late. */
const graceMs = 5

/** The time was over, and our own event loop had been stalled: the other side may have answered. */
export class LocalStall extends Error {
  readonly lateMs: number
  /** @param lateMs how much too late the timer fired */
  constructor(lateMs: number) {
    super(`our own event loop was stalled for ${Math.round(lateMs)} ms`)
    this.lateMs = lateMs
  }
}

let stalls = 0

/** How many timers of this process fired late, because its own event loop was stalled. */
export function countStalls(): number {
  return stalls
}

/**
 * Calls `expire` after `ms`, unless cancelled. After a stall of the event loop all timers fire
 * before anything is read from a socket, so every call would seem to have timed out. A timer that
 * fires late waits a moment more, so that an answer that is there can be read.
 * @param expire gets the stall, if there was one
 * @returns how to cancel it
 */
export function afterMs(ms: number, expire: (stall?: LocalStall) => void): () => void {
  const dueMs = performance.now() + ms
  let timer = setTimeout(() => {
    const lateMs = performance.now() - dueMs
    if (lateMs <= stallMs) return expire()
    stalls += 1
    timer = setTimeout(() => expire(new LocalStall(lateMs)), graceMs)
  }, ms)
  return () => clearTimeout(timer)
}
