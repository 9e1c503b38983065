import type { Line } from '../../../append-log.ts'
import type { Order } from '../operations/operation.ts'
import type { PaymentMethod } from '../requests/test-cards.ts'
import type { FaultSettings } from '../settings/fault-settings.ts'

/** What was asked for and by which request, as every entry about a request carries it. */
export type RequestFacts = Order & Readonly<{ idempotencyKey: string | null; requestId: string }>

/** What made the provider misbehave: a setting somebody turned, or the card that was used. */
export type FaultCause = 'setting' | 'payment_method'

/**
 * Why a request that was executed late came to nothing, and nobody was told. `refused`: what it
 * asked for was no longer possible. `overdue`: the longest processing delay had passed.
 */
type LateDropCause = 'other_request' | 'full' | 'refused' | 'overdue'

export type DeclineCode = NonNullable<PaymentMethod['declineCode']>

/** Present on what became of a delayed request; `requestId` tells which one. */
type Late = Readonly<{ late?: true }>

/** What came of an order that was carried out. `amount` is what was asked for or what moved. */
export type Verdict = Readonly<
  { amount: number } & (
    | { type: 'intent.created' | 'intent.authorized' | 'intent.succeeded' | 'intent.captured' }
    | { type: 'intent.declined'; declineCode: DeclineCode }
    | { type: 'intent.canceled'; reason: string | null }
    | {
        type: 'refund.succeeded'
        refundId: string
        reason: string | null
        /** The refund's own, as they were sent. */
        refundMetadata: Readonly<Record<string, string>>
      }
  )
>

/** An act: a line that moves money or changes what an intent is. */
type Done = RequestFacts &
  Late &
  Verdict &
  Readonly<{
    intentId: string
    fingerprint: string
    /** Present when somebody is to be told by a webhook. */
    eventId?: string
  }>
export type DoneLine = Line<Done>
export type RefundLine = Extract<DoneLine, { type: 'refund.succeeded' }>

/** `reply.withheld`: no answer. `reply.error`: a 500, whatever was done. */
type ReplySpoilt = Readonly<{
  type: 'reply.withheld' | 'reply.error'
  intentId: string
  refundId?: string
  /** True when the answer that was spoilt was a stored one: nothing was done this time. */
  replayed: boolean
  cause: FaultCause
}> &
  RequestFacts
type RequestDropped = Readonly<{
  type: 'request.dropped'
  cause: FaultCause | LateDropCause
}> &
  RequestFacts &
  Late
/** Taken in, not answered, and executed at `dueAt`. All that the execution needs is here. */
export type RequestDelayed = Readonly<{
  type: 'request.delayed'
  fingerprint: string
  /** How a charge will be declined, or null when it will succeed. */
  declineCode: DeclineCode | null
  dueAt: string
  cause: FaultCause
}> &
  RequestFacts
/** A delayed request found its key answered: nothing was done. */
type RequestRepeated = Readonly<{
  type: 'request.repeated'
  intentId: string
  late: true
}> &
  RequestFacts
type RequestsRefused = Readonly<{
  type: 'requests.refused'
  /** How many the quota refused since the line before, the first of them at `since`. */
  count: number
  since: string
}>
export type WebhookFacts = Readonly<{
  eventId: string
  intentId: string
  metadata: RequestFacts['metadata']
}>
/** One attempt and how it ended. `copy` 0 is the webhook itself, which is tried again. */
type WebhookSent = Readonly<{
  type: 'webhook.sent'
  attempt: number
  copy: number
  status?: number
  error?: string
}> &
  WebhookFacts
/** Lost by the setting: nobody will ever be told. */
type WebhookDropped = Readonly<{ type: 'webhook.dropped' }> & WebhookFacts
type WebhookAbandoned = Readonly<{
  type: 'webhook.abandoned'
  attempt: number
  cause: 'tries' | 'window'
}> &
  WebhookFacts
type SettingsChanged = Readonly<{
  type: 'settings.changed'
  /** `restart`: the settings stood elsewhere when the process ended and are back at rest. */
  cause: 'patch' | 'restart'
  settings: FaultSettings
}>

export type ProviderLogEntry =
  | Done
  | ReplySpoilt
  | RequestDropped
  | RequestDelayed
  | RequestRepeated
  | RequestsRefused
  | WebhookSent
  | WebhookDropped
  | WebhookAbandoned
  | SettingsChanged
export type ProviderLogLine = Line<ProviderLogEntry>
