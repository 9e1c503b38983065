import { type Static, type TProperties, Type } from 'typebox'
import { Area, SalaryEurPerYear, Seniority } from './listings-http.ts'
import { DeclineReason } from './payments-http.ts'
import {
  AmountCents,
  Currency,
  Id,
  multiLine,
  singleLine,
  strict,
  Timestamp,
} from './primitives.ts'

/** The envelope of every event. Each delivery of one event has the same `eventId`. */
function event<const Name extends string, Data extends TProperties>(type: Name, data: Data) {
  return Type.Object(
    {
      eventId: Id,
      type: Type.Literal(type),
      version: Type.Literal(1),
      occurredAt: Timestamp,
      tenantId: Id,
      aggregateId: Id,
      aggregateVersion: Type.Integer({ minimum: 1 }),
      data: Type.Object(data, strict),
    },
    strict,
  )
}

const payment = {
  paymentId: Id,
  listingId: Id,
  publicationId: Id,
  amountCents: AmountCents,
  currency: Currency,
}

const PaymentCaptured = event('payment.captured', payment)
const PaymentDeclined = event('payment.declined', { ...payment, reason: DeclineReason })
export const ListingPublished = event('listing.published', {
  listingId: Id,
  publicationId: Id,
  paymentId: Id,
  title: singleLine(140, 'Title of the job.'),
  company: singleLine(100, 'Name of the employer.'),
  description: multiLine(5_000, 'Plain text.'),
  area: Area,
  seniority: Seniority,
  salaryMinEurPerYear: SalaryEurPerYear,
  salaryMaxEurPerYear: SalaryEurPerYear,
})
export type ListingPublished = Static<typeof ListingPublished>

/** The events of the topic `payments.v1`. */
export const PaymentEvent = Type.Union([PaymentCaptured, PaymentDeclined])
export type PaymentEvent = Static<typeof PaymentEvent>

/** The events of the topic `listings.v1`. */
export const ListingEvent = Type.Union([ListingPublished])
export type ListingEvent = Static<typeof ListingEvent>
