/**
 * How every outbound call ends. Retry, breaker, idempotency and the HTTP mapping switch on this type.
 *
 * - `ok`        it happened, and this is the answer
 * - `rejected`  a final no, for a business reason; it did not happen and will not
 * - `shed`      refused for now, before anything happened; worth another try after a while. With
 *               `doNotRetry` another layer makes that try
 * - `not-sent`  no byte left this process; safe to send again
 * - `unknown`   bytes were written and no usable answer came: it may have happened. Not a failure
 * - `bug`       the other side says that we misuse it; sending the same again won't help
 */
export type Outcome<Value, Reason = never> =
  | { kind: 'ok'; value: Value }
  | { kind: 'rejected'; reason: Reason }
  | { kind: 'shed'; retryAfterMs: number; doNotRetry?: boolean }
  | { kind: 'not-sent'; cause: unknown }
  | { kind: 'unknown'; cause: unknown }
  | { kind: 'bug'; cause: unknown }

/** How long the other side asked to be left alone, in milliseconds: the floor of the next attempt. */
export function retryFloorMs(outcome: Outcome<unknown, unknown>): number {
  return outcome.kind === 'shed' ? outcome.retryAfterMs : 0
}

/** Our own side refused to ask: too little time, an open breaker, too many calls. Not to be repeated. */
export class NotTried extends Error {}
