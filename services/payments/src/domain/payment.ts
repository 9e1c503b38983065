import type {
  CaptureMethod,
  DeclineReason,
  PaymentStatus,
} from '@nightshift/contracts/payments-http'
import type { Outcome } from '@nightshift/runtime/process/outcome'

/** What we remember about a payment. */
export type Payment = {
  paymentId: string
  tenantId: string
  listingId: string
  publicationId: string
  amountCents: number
  /** Of the amount. */
  taxCents: number
  currency: 'EUR'
  captureMethod: CaptureMethod
  status: PaymentStatus
  declineReason: DeclineReason | null
  /** Decided about money that is held, and not yet done. */
  wanted: 'capture' | 'void' | null
  providerPaymentId: string | null
  refundedCents: number
  /** Known until the outcome is. */
  cardToken: string | null
  version: number
  /** Who works on it, by number. Whoever has an older one writes nothing any more. */
  attempt: number
  createdAt: Date
}

/** The only ways from one state to another; every change of state in SQL is guarded by this table. */
export const transitions: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'captured', 'declined'],
  authorized: ['captured', 'voided'],
  captured: [],
  voided: [],
  declined: [],
}

/** What the provider did: took the money, and kept a fee of it, or holds it for us. */
export type Charged = Extract<Settlement, { kind: 'captured' | 'authorized' }>

export type ChargeOutcome = Outcome<Charged, DeclineReason>

/** An outcome after somebody decided what may be concluded from it (the pattern unknown-outcome). */
export type ChargeConclusion =
  | { kind: 'happened'; value: Charged }
  | { kind: 'refused'; reason: DeclineReason }
  | { kind: 'open' }

/** What is to be done with a payment after the provider was asked. */
export type Verdict = Settlement | { kind: 'ask_again' }

/** How a payment leaves the state that it is in. */
export type Settlement =
  | { kind: 'authorized'; providerPaymentId: string }
  | { kind: 'captured'; providerPaymentId: string; feeCents: number }
  | { kind: 'voided'; providerPaymentId: string }
  | { kind: 'declined'; reason: DeclineReason }

/** A payment becomes final by what happened or was refused, and stays pending as long as that is open. */
export function decide(conclusion: ChargeConclusion): Verdict {
  switch (conclusion.kind) {
    case 'happened':
      return conclusion.value
    case 'refused':
      return { kind: 'declined', reason: conclusion.reason }
    case 'open':
      return { kind: 'ask_again' }
  }
}

/**
 * The payment as it is after a settlement: what the answer and the event tell of, before the database
 * has agreed. @throws when there is no such way
 */
export function settled(payment: Payment, settlement: Settlement): Payment {
  const { kind } = settlement
  if (!transitions[payment.status].includes(kind)) {
    throw new Error(`a payment that is ${payment.status} does not become ${kind}`)
  }
  return {
    ...payment,
    status: kind,
    declineReason: settlement.kind === 'declined' ? settlement.reason : null,
    providerPaymentId: settlement.kind === 'declined' ? null : settlement.providerPaymentId,
    wanted: null,
    cardToken: null,
    version: payment.version + 1,
  }
}
