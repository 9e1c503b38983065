import type {
  CaptureMethod,
  DeclineReason,
  PaymentStatus,
} from '@nightshift/contracts/payments-http'
import type { Conclusion } from '@nightshift/patterns/unknown-outcome/types'

/** A payment as the database has it. */
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
  /**
   * The action that was requested for an authorized payment, until the provider has carried it out.
   */
  requestedAction: Action | null
  providerPaymentId: string | null
  refundedCents: number
  /** Needed while the payment is pending, and cleared when it is settled. */
  cardToken: string | null
  version: number
  /** The number of the current owner. An owner with an older number has been overtaken. */
  attempt: number
  createdAt: Date
}

/** The two ways to end an authorization. */
export type Action = 'capture' | 'void'

/** The only transitions between states. */
export const transitions: Readonly<Record<PaymentStatus, readonly PaymentStatus[]>> = {
  pending: ['authorized', 'captured', 'declined'],
  authorized: ['captured', 'voided'],
  captured: [],
  voided: [],
  declined: [],
}

/** How a payment leaves its current state. */
export type Settlement =
  | { kind: 'authorized'; providerPaymentId: string }
  | { kind: 'captured'; providerPaymentId: string; feeCents: number }
  | { kind: 'voided'; providerPaymentId: string }
  | { kind: 'declined'; reason: DeclineReason }

/** A successful charge: the provider has captured or authorized the money. */
export type Charged = Extract<Settlement, { kind: 'captured' | 'authorized' }>

/** The settlement that follows from a conclusion about the charge. Undefined while it is open. */
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
 * The payment after a settlement. The database may still refuse it.
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
