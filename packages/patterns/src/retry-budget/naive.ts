import { NotTried } from '@nightshift/runtime/process/outcome'
import type { Retries } from './types.ts'

const retriesMax = 3
const baseMs = 50

/**
 * What most teams ship first: whatever did not work is tried three times more, after 50, 100 and
 * 200 ms. What that adds is not counted, `Retry-After` is not read, and the layer above does the
 * same.
 */
export function repeatThreeTimes(): Retries {
  return {
    begin: () => {},
    waitBeforeNext(triesMade, outcome) {
      if (outcome.kind === 'ok' || outcome.kind === 'rejected') return undefined
      // Not even this version spins on what our own breaker refused.
      if (outcome.kind === 'not-sent' && outcome.cause instanceof NotTried) return undefined
      return triesMade > retriesMax ? undefined : baseMs * 2 ** (triesMade - 1)
    },
  }
}
