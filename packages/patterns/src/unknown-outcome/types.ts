import type { Outcome } from '@nightshift/runtime/process/outcome'

/** What may be concluded from how a call ended. `open`: nothing yet, so the question is asked again. */
export type Conclusion<Value, Reason> =
  | { kind: 'happened'; value: Value }
  | { kind: 'refused'; reason: Reason }
  | { kind: 'open' }

/** @param otherwise the reason that the naive version gives for a failure without an answer */
export type Conclude = <Value, Reason>(
  outcome: Outcome<Value, Reason>,
  otherwise: Reason,
) => Conclusion<Value, Reason>
