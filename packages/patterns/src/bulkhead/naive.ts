import type { Bulkhead } from './bulkhead.ts'

/**
 * What most teams ship first: no bound. Every call is made, and what they all share, such as
 * connections and memory, goes to the kind of work that asks most.
 */
export function noBulkhead(): Bulkhead {
  return { enter: async () => () => {} }
}
