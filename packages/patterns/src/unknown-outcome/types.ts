import type { Outcome } from '@nightshift/runtime/process/outcome'

/**
 * What may be concluded from the outcome of a call. `open`: nothing yet, so the call is repeated.
 */
export type Conclusion<Value, Reason> =
  | { kind: 'happened'; value: Value }
  | { kind: 'refused'; reason: Reason }
  | { kind: 'open' }

/** @param otherwise the reason that the naive version gives for a call without an answer */
export type Conclude = <Value, Reason>(
  outcome: Outcome<Value, Reason>,
  otherwise: Reason,
) => Conclusion<Value, Reason>
