import type { Callbacks } from './callbacks.ts'
import type { ChargeBook } from './charge-book.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { DeclineCode, RequestFacts } from './truth-entry.ts'
import type { TruthLog } from './truth-log.ts'

export type DecideChargeDeps = Readonly<{
  book: ChargeBook
  truth: Pick<TruthLog, 'append'>
  newIntentId: () => string
  /** Undefined: nobody is told of charges. */
  callbacks: Pick<Callbacks, 'newEventId' | 'beforeAnswer'> | undefined
}>

/** A charge whose outcome is clear and not yet written. `declineCode` null: money moves. */
export type ClearCharge = Readonly<{
  facts: RequestFacts
  fingerprint: string
  declineCode: DeclineCode | null
  late?: true
}>

/** Writes down that money moved, or that it did not; that line is the charge. */
export async function decideCharge(
  { truth, newIntentId, callbacks }: DecideChargeDeps,
  { facts, declineCode, ...rest }: ClearCharge,
): Promise<PaymentIntent> {
  const event = callbacks === undefined ? {} : { eventId: callbacks.newEventId() }
  const decided = { ...facts, intentId: newIntentId(), ...rest, ...event }
  if (declineCode === null) return await truth.append({ type: 'intent.succeeded', ...decided })
  return await truth.append({ type: 'intent.declined', ...decided, declineCode })
}
