import type {
  CaptureMethod,
  DeclineReason,
  PaymentStatus,
} from '@nightshift/contracts/payments-http'
import type { Conclusion } from '@nightshift/patterns/unknown-outcome/types'

/** What we remember about a payment. */
export type Payment = {
  paymentId: string
  tenantId: string
  listingId: string
  publicationId: string
  amountCents: number
  /** Tax included in `amountCents`. */
  taxCents: number
  currency: 'EUR'
  captureMethod: CaptureMethod
  status: PaymentStatus
  declineReason: DeclineReason | null
  /** What was decided about an authorized payment, until the provider has done it. */
  requestedAction: Action | null
  providerPaymentId: string | null
  refundedCents: number
  /** Kept while the payment is pending; cleared when it is settled. */
  cardToken: string | null
  version: number
  /** The number of its owner. An owner with an older number has been overtaken. */
  attempt: number
  createdAt: Date
}

/** What can be done with authorized money. */
export type Action = 'capture' | 'void'

/** The only ways from one state to another. */
export const transitions: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'captured', 'declined'],
  authorized: ['captured', 'voided'],
  captured: [],
  voided: [],
  declined: [],
}

/** How a payment leaves the state that it is in. */
export type Settlement =
  | { kind: 'authorized'; providerPaymentId: string }
  | { kind: 'captured'; providerPaymentId: string; feeCents: number }
  | { kind: 'voided'; providerPaymentId: string }
  | { kind: 'declined'; reason: DeclineReason }

/** What the provider did when it was asked to charge: took the money, less a fee, or authorized it. */
export type Charged = Extract<Settlement, { kind: 'captured' | 'authorized' }>

/** What a payment becomes by a conclusion about its charge. Undefined while the outcome is open. */
export function settlementOf(
  conclusion: Conclusion<Charged, DeclineReason>,
): Settlement | undefined {
  switch (conclusion.kind) {
    case 'happened':
      return conclusion.value
    case 'refused':
      return { kind: 'declined', reason: conclusion.reason }
    case 'open':
      return undefined
  }
}

/**
 * The payment as it will be after a settlement, before the database has agreed.
 * @throws when there is no such transition
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
    requestedAction: null,
    cardToken: null,
    version: payment.version + 1,
  }
}
