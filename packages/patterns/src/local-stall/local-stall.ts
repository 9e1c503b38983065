/**
 * Fault:    our own process stands still while a dependency answers, and every timer fires afterwards.
 * Without:  load-tests/results/everything-frozen.json (given up); the code is `naive.ts`.
 * With:     what has arrived is read first, and a stall is no fault of the dependency.
 * Switch:   PATTERN_LOCAL_STALL=naive
 */
import { LocalStall, type Timer } from './types.ts'

/** A timer that fires so much too late says that our own event loop was stalled. */
const stallMs = 20
/** What has arrived meanwhile is read in this time, before a call counts as late. */
const graceMs = 5

/**
 * After a stall of the event loop all timers fire before anything is read from a socket, so every
 * call would seem to have timed out. This timer notices that it fires late and waits a moment more,
 * so that an answer that is there can be read.
 */
export const lagAwareTimer: Timer = (ms, expire) => {
  const dueMs = performance.now() + ms
  let timer = setTimeout(() => {
    const lateMs = performance.now() - dueMs
    if (lateMs <= stallMs) return expire()
    timer = setTimeout(() => expire(new LocalStall(lateMs)), graceMs)
  }, ms)
  return () => clearTimeout(timer)
}
