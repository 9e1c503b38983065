/** The time was over, and our own event loop had been stalled: the other side may have answered. */
export class LocalStall extends Error {
  readonly lateMs: number
  /** @param lateMs how much too late the timer fired */
  constructor(lateMs: number) {
    super(`our own event loop was stalled for ${Math.round(lateMs)} ms`)
    this.lateMs = lateMs
  }
}

/**
 * Calls `expire` after `ms`, unless cancelled.
 * @param expire gets the stall, if the timer knows of one
 * @returns how to cancel it
 */
export type Timer = (ms: number, expire: (stall?: LocalStall) => void) => () => void
