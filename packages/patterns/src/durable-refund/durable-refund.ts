/**
 * Fault:    a refund is asked for, and the answer of the other side is lost.
 * Without:  load-tests/results/durable-refund.json (paid and unknown); the code is `naive.ts`.
 * With:     it is owed before anybody is asked, and stays owed until an answer says it is paid.
 * Switch:   PATTERN_DURABLE_REFUND=naive
 */
import type { Obligation } from './types.ts'

/**
 * What is owed is a row, committed first, and there is no state "failed": whoever finds the row asks
 * again under the key that is derived from it, for as long as it takes.
 */
export const obligation: Obligation = {
  beforeAsking: result => result,
  oncePaid: async () => {},
  withoutAnswer: 'owed',
}
