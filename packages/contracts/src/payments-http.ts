import { type Static, Type } from 'typebox'
import { AmountCents, Currency, Id, strict, Timestamp } from './primitives.ts'

/** What a caller may say. Status, ids and tenant are ours to decide. */
export const TakePaymentRequest = Type.Object(
  {
    listingId: Id,
    publicationId: Id,
    amountCents: AmountCents,
    currency: Currency,
    cardToken: Type.String({
      pattern: '^pm_[A-Za-z0-9_]{1,64}$',
      description: 'A payment method of the card provider. Card numbers never come here.',
    }),
  },
  strict,
)
export type TakePaymentRequest = Static<typeof TakePaymentRequest>

export const PaymentStatus = Type.Enum(['pending', 'captured', 'declined'])
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
    currency: Currency,
    declineReason: Type.Optional(DeclineReason),
    createdAt: Timestamp,
  },
  { ...strict, $id: 'Payment' },
)
export type PaymentResponse = Static<typeof PaymentResponse>
