/**
 * Fault:    a caller has left, and its request is still being worked on.
 * Without:  load-tests/results/hurried-callers.json (charges after leaving); the code is `naive.ts`.
 * With:     the time that a caller still waits travels along, and bounds each step before the charge.
 * Switch:   PATTERN_DEADLINE=naive
 */
import type { ReadBudget } from '@nightshift/runtime/http/server'

/** The answer has to reach the caller while it is there: so much of its time is kept for the way. */
const reserveMs = 50

/**
 * What a caller's wait leaves for its request, in milliseconds, if it said so in a form that can be
 * trusted. It may ask for less than our own budget and never for more.
 */
export const callersBudget: ReadBudget = (header, ownBudgetMs) => {
  if (typeof header !== 'string' || !/^\d{1,7}$/.test(header)) return ownBudgetMs
  return Math.min(Math.max(0, Number(header) - reserveMs), ownBudgetMs)
}
