import type { Bulkhead } from './bulkhead.ts'

/**
 * What most teams ship first: no bound. Every call is made, and what they all share, such as
 * connections and memory, goes to whoever asks most.
 */
export function oneForAll(): Bulkhead {
  return { enter: () => () => {} }
}
