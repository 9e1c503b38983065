/**
 * Fault:    the other side did it, and its answer never arrives.
 * Without:  load-tests/results/reply-lost.json (told "declined", and charged); the code is `naive.ts`.
 * With:     pending, until an answer says what happened; asked again under the same key.
 * Switch:   PATTERN_UNKNOWN_OUTCOME=naive
 */
import type { Conclude } from './types.ts'

/**
 * Only an answer concludes anything. A timeout is not a failure: bytes were written, and it may have
 * happened. A request that was not sent has not happened; it stays open because it will be sent.
 */
export const concludeFromAnswers: Conclude = outcome => {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'happened', value: outcome.value }
    case 'rejected':
      return { kind: 'refused', reason: outcome.reason }
    case 'unknown': // it may have happened
    case 'not-sent': // it did not, and will be sent again
    case 'shed': // not now
    case 'bug': // a person has to look first
      return { kind: 'open' }
  }
}
