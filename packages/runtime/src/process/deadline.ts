import { performance } from 'node:perf_hooks'

/** The moment by which an answer is of use, carried along every hop. It only ever shrinks. */
export type Deadline = {
  remainingMs: () => number
}

/** @param budgetMs from now; measured on the monotonic clock, so a clock step can't move it. */
export function deadlineIn(budgetMs: number): Deadline {
  const endMs = performance.now() + budgetMs
  return { remainingMs: () => Math.max(0, endMs - performance.now()) }
}

/** The sooner of `deadline` and `budgetMs` from now. A budget can shorten a deadline, never extend it. */
export function withinDeadline(deadline: Deadline, budgetMs: number): Deadline {
  return deadlineIn(Math.min(deadline.remainingMs(), budgetMs))
}

/**
 * Carries the remaining milliseconds, as grpc-timeout does, and not a wall-clock time:
 * two machines need not agree about the time of day. There is no standard header for it.
 */
export const deadlineHeader = 'x-request-timeout-ms'
