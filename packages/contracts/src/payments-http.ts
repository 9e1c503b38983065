import { type Static, Type } from 'typebox'
import { AmountCents, Currency, Id, strict, Timestamp } from './primitives.ts'

export const CaptureMethod = Type.Enum(['automatic', 'manual'], {
  description: '`manual` holds the money until it is captured or voided.',
})
export type CaptureMethod = Static<typeof CaptureMethod>

/** What a caller may say. Status, ids and tenant are ours to decide. */
export const TakePaymentRequest = Type.Object(
  {
    listingId: Id,
    publicationId: Id,
    amountCents: AmountCents,
    taxCents: Type.Optional(
      Type.Integer({ minimum: 0, maximum: 99_999_998, description: 'Tax within the amount.' }),
    ),
    currency: Currency,
    cardToken: Type.String({
      pattern: '^pm_[A-Za-z0-9_]{1,64}$',
      description: 'A payment method of the card provider. Card numbers never come here.',
    }),
    captureMethod: Type.Optional(CaptureMethod),
  },
  strict,
)
export type TakePaymentRequest = Static<typeof TakePaymentRequest>

export const PaymentStatus = Type.Enum(['pending', 'authorized', 'captured', 'voided', 'declined'])
export type PaymentStatus = Static<typeof PaymentStatus>

export const DeclineReason = Type.Enum(['card_declined', 'insufficient_funds', 'invalid_card'])
export type DeclineReason = Static<typeof DeclineReason>

/** What we promise about a payment. `pending` means that we do not know yet, and will find out. */
export const PaymentResponse = Type.Object(
  {
    paymentId: Id,
    status: PaymentStatus,
    listingId: Id,
    publicationId: Id,
    amountCents: AmountCents,
    taxCents: Type.Integer({ minimum: 0 }),
    refundedCents: Type.Integer({
      minimum: 0,
      description: 'What is given back or owed back. The money itself may still be on its way.',
    }),
    currency: Currency,
    declineReason: Type.Optional(DeclineReason),
    createdAt: Timestamp,
  },
  { ...strict, $id: 'Payment' },
)
export type PaymentResponse = Static<typeof PaymentResponse>
