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

/** What made the provider misbehave: a dial somebody turned, or the card that was used. */
export type FaultCause = 'dial' | 'payment_method'

/** Why a request that was executed late came to nothing: nobody was told. */
type LateDropCause = 'other_request' | 'full'

export type DeclineCode = NonNullable<PaymentMethod['declineCode']>

/** Present on what became of a delayed request; `requestId` tells which one. */
type Late = Readonly<{ late?: true }>

type Decided = RequestFacts &
  Late &
  Readonly<{
    intentId: string
    fingerprint: string
    /** Present when somebody is to be told by a callback. */
    eventId?: string
  }>

export type IntentSucceeded = Readonly<{ type: 'intent.succeeded' }> & Decided
export type IntentDeclined = Readonly<{ type: 'intent.declined'; declineCode: DeclineCode }> &
  Decided
/** `reply.withheld`: no answer. `reply.error`: a 500, whatever became of the charge. */
export type ReplySpoilt = Readonly<{
  type: 'reply.withheld' | 'reply.error'
  intentId: string
  /** True when the answer that was spoilt was a stored one: no money moved this time. */
  replayed: boolean
  cause: FaultCause
}> &
  RequestFacts
export type RequestDropped = Readonly<{
  type: 'request.dropped'
  cause: FaultCause | LateDropCause
}> &
  RequestFacts &
  Late
/** Taken in, not answered, and executed at `dueAt`. All that the execution needs is here. */
export type RequestDelayed = Readonly<{
  type: 'request.delayed'
  fingerprint: string
  /** How it will be declined, or null when it will succeed. */
  declineCode: DeclineCode | null
  dueAt: string
  cause: FaultCause
}> &
  RequestFacts
/** A delayed request found its key answered: no money moved. */
export type RequestRepeated = Readonly<{
  type: 'request.repeated'
  intentId: string
  late: true
}> &
  RequestFacts
export type RequestsRefused = Readonly<{
  type: 'requests.refused'
  /** How many the quota refused since the line before, the first of them at `since`. */
  count: number
  since: string
}>
export type CallbackFacts = Readonly<{
  eventId: string
  intentId: string
  metadata: RequestFacts['metadata']
}>
/** One attempt and how it ended. `copy` 0 is the callback itself, which is tried again. */
export type CallbackSent = Readonly<{
  type: 'callback.sent'
  attempt: number
  copy: number
  status?: number
  error?: string
}> &
  CallbackFacts
/** Lost by the dial: nobody will ever be told. */
export type CallbackDropped = Readonly<{ type: 'callback.dropped' }> & CallbackFacts
export type CallbackAbandoned = Readonly<{
  type: 'callback.abandoned'
  attempt: number
  cause: 'tries' | 'window'
}> &
  CallbackFacts
export type DialsChanged = Readonly<{
  type: 'dials.changed'
  /** `restart`: the dials stood elsewhere when the process ended and are back at rest. */
  cause: 'patch' | 'restart'
  dials: DialSettings
}>

export type TruthEntry =
  | IntentSucceeded
  | IntentDeclined
  | ReplySpoilt
  | RequestDropped
  | RequestDelayed
  | RequestRepeated
  | RequestsRefused
  | CallbackSent
  | CallbackDropped
  | CallbackAbandoned
  | DialsChanged
export type TruthLine = Line<TruthEntry>
