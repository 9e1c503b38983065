import type { Line } from '../../append-log.ts'
import type { DialSettings } from './dials.ts'
import type { PaymentMethod } from './payment-methods.ts'

/** What a request asked for, as every entry about a request carries it. */
export type RequestFacts = Readonly<{
  amount: number
  currency: string
  metadata: Readonly<Record<string, string>>
  /** The kind of the test card, never the value that was sent. */
  paymentMethod: string
  idempotencyKey: string | null
  requestId: string
}>

/** What made the provider silent: a dial somebody turned, or the card that was used. */
export type SilenceCause = 'dial' | 'payment_method'

type Decided = RequestFacts & Readonly<{ intentId: string; fingerprint: string }>

export type IntentSucceeded = Readonly<{ type: 'intent.succeeded' }> & Decided
export type IntentDeclined = Readonly<{
  type: 'intent.declined'
  declineCode: NonNullable<PaymentMethod['declineCode']>
}> &
  Decided
export type ReplyWithheld = Readonly<{
  type: 'reply.withheld'
  intentId: string
  /** True when the answer that was withheld was a stored one: no money moved this time. */
  replayed: boolean
  cause: SilenceCause
}> &
  RequestFacts
export type RequestDropped = Readonly<{ type: 'request.dropped'; cause: SilenceCause }> &
  RequestFacts
export type DialsChanged = Readonly<{
  type: 'dials.changed'
  /** `restart`: the dials stood elsewhere when the process ended and are back at rest. */
  cause: 'patch' | 'restart'
  dials: DialSettings
}>

export type TruthEntry =
  | IntentSucceeded
  | IntentDeclined
  | ReplyWithheld
  | RequestDropped
  | DialsChanged
export type TruthLine = Line<TruthEntry>
