import { type Static, Type } from 'typebox'
import { AmountCents, Currency, Id, strict, Timestamp } from './primitives.ts'

export const CaptureMethod = Type.Enum(['automatic', 'manual'], {
  description: '`manual` holds the money until it is captured or voided.',
})
export type CaptureMethod = Static<typeof CaptureMethod>

/**
 * The card provider charges no less than half a euro. It would refuse the payment after we have
 * answered that it is under way, and ask as we may, it would never be done.
 */
const ChargeableCents = Type.Integer({ minimum: 50, maximum: 99_999_999 })

/** What a caller may say. Status, ids and tenant are ours to decide. */
export const TakePaymentRequest = Type.Object(
  {
    listingId: Id,
    publicationId: Id,
    amountCents: ChargeableCents,
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

export const DeclineReason = Type.Enum(
  ['card_declined', 'insufficient_funds', 'invalid_card', 'expired'],
  { description: '`expired`: it came to nothing in time. In all cases nothing was charged.' },
)
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

/** Everything in the body may be left out: the whole rest is given back then. */
export const RefundPaymentRequest = Type.Object(
  {
    amountCents: Type.Optional(AmountCents),
    reason: Type.Enum(['requested_by_customer', 'duplicate', 'withdrawn'], {
      description: 'Why; it is kept, and decides nothing.',
    }),
  },
  strict,
)
export type RefundPaymentRequest = Static<typeof RefundPaymentRequest>

/** What we promise about a refund. `pending` means owed: it is given back for as long as it takes. */
export const RefundResponse = Type.Object(
  {
    refundId: Id,
    paymentId: Id,
    status: Type.Enum(['pending', 'succeeded']),
    amountCents: AmountCents,
    currency: Currency,
    reason: Type.String(),
    createdAt: Timestamp,
  },
  { ...strict, $id: 'Refund' },
)
export type RefundResponse = Static<typeof RefundResponse>

export const ListPaymentsQuery = Type.Object(
  {
    status: Type.Optional(PaymentStatus),
    publicationId: Type.Optional(Id),
    createdFrom: Type.Optional(Timestamp),
    createdBefore: Type.Optional(Timestamp),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    after: Type.Optional(
      Type.String({ pattern: '^[A-Za-z0-9_-]{1,200}$', description: '`nextAfter` of a page.' }),
    ),
  },
  strict,
)
export type ListPaymentsQuery = Static<typeof ListPaymentsQuery>

export const ListPaymentsResponse = Type.Object(
  { payments: Type.Array(PaymentResponse), nextAfter: Type.Optional(Type.String()) },
  { ...strict, $id: 'Payments' },
)
export type ListPaymentsResponse = Static<typeof ListPaymentsResponse>

export const StatementQuery = Type.Object(
  {
    month: Type.String({
      pattern: '^20[0-9]{2}-(0[1-9]|1[0-2])$',
      description: 'UTC, as 2026-11.',
    }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
  },
  strict,
)
export type StatementQuery = Static<typeof StatementQuery>

/** Minor units as text: a sum may be larger than a number that JSON readers keep whole. */
const Cents = Type.String({ pattern: '^-?[0-9]{1,19}$' })

/** What an employer paid and got back in a month, with what that came to after each line. */
export const StatementResponse = Type.Object(
  {
    month: Type.String(),
    currency: Currency,
    openingBalanceCents: Cents,
    lines: Type.Array(
      Type.Object(
        {
          line: Type.String({
            description: 'Names the line; `after` of the page that follows it.',
          }),
          postedAt: Timestamp,
          kind: Type.Enum(['capture', 'refund']),
          paymentId: Id,
          amountCents: Cents,
          taxCents: Cents,
          balanceCents: Cents,
        },
        strict,
      ),
    ),
    closingBalanceCents: Type.Optional(Cents),
    nextAfter: Type.Optional(Type.String()),
  },
  { ...strict, $id: 'Statement' },
)
export type StatementResponse = Static<typeof StatementResponse>
