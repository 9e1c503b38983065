import { type Static, Type } from 'typebox'
import { AmountCents, Currency, Id, strict, Timestamp } from './primitives.ts'

export const CaptureMethod = Type.Enum(['automatic', 'manual'], {
  description: '`manual` only authorizes the money. Capture or void it later.',
})
export type CaptureMethod = Static<typeof CaptureMethod>

/**
 * The card provider charges no less than half a euro. It would refuse a smaller payment after we
 * have answered `pending`, and no repetition would ever succeed.
 */
const ChargeableCents = Type.Integer({ minimum: 50, maximum: 99_999_999 })

/** The fields that a caller decides. Status, ids and tenant are ours to decide. */
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
      description: 'A payment method of the card provider. Never send a card number.',
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
  { description: '`expired`: it was not completed in time. In all cases nothing was charged.' },
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
      description: 'The sum of all refunds, pending ones included.',
    }),
    currency: Currency,
    declineReason: Type.Optional(DeclineReason),
    createdAt: Timestamp,
  },
  { ...strict, $id: 'Payment' },
)
export type PaymentResponse = Static<typeof PaymentResponse>

/** Without an amount, everything that has not been refunded yet is refunded. */
export const RefundPaymentRequest = Type.Object(
  {
    amountCents: Type.Optional(AmountCents),
    reason: Type.Enum(['requested_by_customer', 'duplicate', 'withdrawn'], {
      description: 'Kept for your records. It changes nothing about the refund.',
    }),
  },
  strict,
)
export type RefundPaymentRequest = Static<typeof RefundPaymentRequest>

/** What we promise about a refund. `pending` means that we try until the provider has made it. */
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
      Type.String({
        pattern: '^[A-Za-z0-9_-]{1,200}$',
        description: '`nextAfter` of the previous page.',
      }),
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
      description: 'A month in UTC, for example 2026-11.',
    }),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 500 })),
    after: Type.Optional(Type.String({ pattern: '^[0-9]{1,18}$' })),
  },
  strict,
)
export type StatementQuery = Static<typeof StatementQuery>

/** Minor units as text: a sum may be larger than the integers that JSON parsers keep exact. */
const Cents = Type.String({ pattern: '^-?[0-9]{1,19}$' })

/** What an employer paid and got back in a month, with the balance after each line. */
export const StatementResponse = Type.Object(
  {
    month: Type.String(),
    currency: Currency,
    openingBalanceCents: Cents,
    lines: Type.Array(
      Type.Object(
        {
          line: Type.String({
            description: 'The id of the line. Send it as `after` to continue behind it.',
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
