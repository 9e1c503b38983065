import type { Retries } from './types.ts'

/**
 * Calls that are made once. A job uses this: it tries again in its next round, after a wait that
 * grows, and two layers that repeat would multiply.
 */
export function neverRepeat(): Retries {
  return { begin: () => {}, waitBeforeNext: () => undefined }
}
