/**
 * Fault:    the other side did it, and its answer never arrives.
 * Without:  load-tests/results/reply-lost.json (answered "declined", but charged); the code is
 * `naive.ts`.
 * With:     the payment stays pending, and the same request is repeated under the same key.
 * Switch:   PATTERN_UNKNOWN_OUTCOME=naive
 */
import type { Conclude } from './types.ts'

/**
 * Only an answer concludes anything. A timeout is not a failure: bytes were written, and the
 * request may have had its effect. A request that was not sent stays open too, because it will be
 * sent.
 */
export const concludeFromAnswers: Conclude = outcome => {
  switch (outcome.kind) {
    case 'ok':
      return { kind: 'happened', value: outcome.value }
    case 'rejected':
      return { kind: 'refused', reason: outcome.reason }
    case 'unknown': // it may have happened
    case 'not-sent': // it has not happened, and will be sent again
    case 'shed': // the other side is busy
    case 'bug': // a person has to find the mistake first
      return { kind: 'open' }
  }
}
