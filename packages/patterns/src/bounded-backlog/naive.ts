import { type Backlog, type BacklogOptions, boundedBacklog } from './bounded-backlog.ts'

/**
 * What most teams ship first: every request is accepted. It is counted as before, so that the metric
 * shows what happens, and no count is ever too much.
 */
export function acceptEverything(options: BacklogOptions): Backlog {
  return { ...boundedBacklog(options), isFull: () => false }
}
