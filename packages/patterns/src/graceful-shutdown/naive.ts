import type { Leave } from './types.ts'

/**
 * What most teams ship first, often without knowing it: the process ends at the signal. That is what
 * Node does by itself. Requests in progress have no answer, although they may have had their effect.
 * @param exit ends the process
 */
export function endAtOnce(exit: () => void = () => process.exit(0)): Leave {
  return async () => exit()
}
