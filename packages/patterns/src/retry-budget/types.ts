import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'

/** Decides which calls are repeated inside their request. One for each dependency of a process. */
export type Retries = {
  /** A call begins. It feeds the budget once, however often it is repeated. */
  begin: () => void
  /**
   * Milliseconds to wait before the next try. Undefined: this outcome is the last word.
   * @param triesMade from 1
   */
  waitBeforeNext: (
    triesMade: number,
    outcome: Outcome<unknown, unknown>,
    deadline: Deadline,
  ) => number | undefined
}
