import type { Leaving } from '@nightshift/runtime/process/serve'

/**
 * What a service does between the signal to stop and closing everything. When it resolves, the server
 * takes no new connection, and answers what it has.
 */
export type Leave = (leaving: Leaving) => Promise<void>
