import { finality } from '@nightshift/contracts/payment-finality'
import type { TakePaymentRequest } from '@nightshift/contracts/payments-http'
import type { NotClaimed, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Conclude } from '@nightshift/patterns/unknown-outcome/types'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import type { Charge } from '../clients/charge.ts'
import { ledgerEntriesOf } from '../domain/ledger.ts'
import { type Payment, type Settlement, settled, settlementOf } from '../domain/payment.ts'
import { paymentAnswer } from '../domain/payment-answer.ts'
import { paymentEvent } from '../domain/payment-event.ts'
import type { PaymentStore } from '../store/payment-store.ts'

export type KeyedPayment = { tenantId: string; key: string; request: TakePaymentRequest }

export type PaymentClaim =
  | { kind: 'claimed'; payment: Payment }
  /**
   * The payment was settled before. Its key has no stored answer, for example because it has
   * expired.
   */
  | { kind: 'settled'; payment: Payment }
  | { kind: 'overloaded' }
  | NotClaimed

export type SettlePaymentDeps = {
  store: PaymentStore
  newId: () => string
  /** RFC 3339. */
  now: () => string
  /** Counts the answer to a charge, for the limit of the tenant. It neither waits nor fails. */
  noteSettled: (tenantId: string, status: 'declined' | 'paid') => void
}

export type FinishPaymentDeps = SettlePaymentDeps & {
  /** Calls the provider, under a key that is derived from the payment. It may be repeated. */
  charge: Charge
  conclude: Conclude
}

export type TakePaymentDeps = FinishPaymentDeps & {
  /** The least time that a request must have left, or nothing is begun. */
  beginMinMs: number
  /** Counts a payment that its first request leaves to the reconciler. */
  noteLeftOpen: (tenantId: string) => void
}

/** A payment, and the answer that was stored or would be given for it now. */
export type AnsweredPayment = { kind: 'payment'; payment: Payment; answer: StoredAnswer }

export type TakePaymentResult = AnsweredPayment | Exclude<PaymentClaim, { payment: Payment }>

/**
 * Takes a payment once per key: claim the key (commit), ask the provider (no transaction open),
 * commit the outcome with everything that follows from it. A crash between any two of these steps
 * loses nothing: the next attempt with the key, or the reconciler, continues from the last commit.
 */
export async function takePayment(
  deps: TakePaymentDeps,
  keyed: KeyedPayment,
  deadline: Deadline,
): Promise<TakePaymentResult> {
  if (deadline.remainingMs() < deps.beginMinMs) return { kind: 'overloaded' }
  const claim = await deps.store.claim(keyed, deadline)
  if (claim.kind === 'settled') return { kind: 'finished', answer: paymentAnswer(claim.payment) }
  if (claim.kind !== 'claimed') return claim
  const taken = await finishPayment(deps, claim.payment, deadline)
  const isLeft = !finality[taken.payment.status].isAnswered
  if (isLeft && claim.payment.attempt === 1) deps.noteLeftOpen(keyed.tenantId)
  return taken
}

/** The second half of the flow. The request and the reconciler share it. */
export async function finishPayment(
  deps: FinishPaymentDeps,
  payment: Payment,
  deadline: Deadline,
): Promise<AnsweredPayment> {
  if (finality[payment.status].isAnswered) return answered(payment)
  const outcome = await deps.charge(payment, deadline)
  const settlement = settlementOf(deps.conclude(outcome, 'card_declined'))
  if (settlement) return settlePayment(deps, payment, settlement)
  await deps.store.recheckLater(payment, retryFloorMs(outcome))
  return answered(payment)
}

/**
 * Commits a settlement as one value: the state, the ledger entries, the event, the stored answer.
 */
export async function settlePayment(
  { store, newId, now, noteSettled }: SettlePaymentDeps,
  before: Payment,
  settlement: Settlement,
): Promise<AnsweredPayment> {
  const after = settled(before, settlement)
  const answer = paymentAnswer(after)
  const isCommitted = await store.commit({
    before,
    after,
    ledger: ledgerEntriesOf(after, settlement),
    event: paymentEvent(after, newId(), now()),
    answer,
  })
  if (isCommitted) {
    // Money that was authorized before has been counted then.
    if (before.status === 'pending') noteSettled(after.tenantId, countedAs(after))
    return { kind: 'payment', payment: after, answer }
  }
  // Another owner was first. Its result is the answer.
  return answered(await store.reload(before))
}

function countedAs({ status }: Payment): 'declined' | 'paid' {
  return status === 'declined' ? 'declined' : 'paid'
}

function answered(payment: Payment): AnsweredPayment {
  return { kind: 'payment', payment, answer: paymentAnswer(payment) }
}
