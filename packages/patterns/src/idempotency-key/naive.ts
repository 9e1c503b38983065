import type { IdempotencyKeys } from './types.ts'

/**
 * The endpoint as most teams write it first: the header is accepted, documented, and ignored.
 * Every attempt is a new intent with an id of its own, and so a new charge.
 */
export function ignoredIdempotencyKeys(): IdempotencyKeys {
  return {
    claim: async (_tx, request) => ({ kind: 'claimed', id: request.proposedId, resumed: false }),
    finish: async () => {},
    release: async () => {},
  }
}
