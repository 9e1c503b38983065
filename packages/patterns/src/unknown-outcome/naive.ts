import type { Conclude } from './types.ts'

/**
 * The try/catch as most teams write it first: everything but a success is a failure. Nothing stays
 * open, every caller gets a clear answer, and some of those answers are wrong.
 */
export const callItFailed: Conclude = (outcome, otherwise) => {
  if (outcome.kind === 'ok') return { kind: 'happened', value: outcome.value }
  return { kind: 'refused', reason: outcome.kind === 'rejected' ? outcome.reason : otherwise }
}
