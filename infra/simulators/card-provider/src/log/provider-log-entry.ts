import type { Line } from '../../../append-log.ts'
import type { Operation } from '../operations/operation.ts'
import type { TestCard } from '../requests/test-cards.ts'
import type { FaultSettings } from '../settings/fault-settings.ts'

/** Every entry about a request carries the requested operation and these facts. */
export type RequestFacts = Operation &
  Readonly<{ idempotencyKey: string | null; requestId: string }>

/** A fault comes from a fault setting or from the test card of the request. */
export type FaultCause = 'setting' | 'payment_method'

/**
 * A delayed request had no effect for one of these reasons. `refused` means that the operation was no
 * longer possible, and `overdue` that the longest processing delay had passed.
 */
type LateDropCause = 'other_request' | 'full' | 'refused' | 'overdue'

export type DeclineCode = NonNullable<TestCard['declineCode']>

/** Marks the end of a delayed request, which `requestId` names. */
type Late = Readonly<{ late?: true }>

/** The effect is what the operation changed, such as the amount that moved or was authorized. */
export type Effect = Readonly<
  { amount: number } & (
    | { type: 'intent.created' | 'intent.authorized' | 'intent.succeeded' | 'intent.captured' }
    | { type: 'intent.declined'; declineCode: DeclineCode }
    | { type: 'intent.canceled'; reason: string | null }
    | {
        type: 'refund.succeeded'
        refundId: string
        reason: string | null
        /** The refund request itself carried these metadata. */
        refundMetadata: Readonly<Record<string, string>>
      }
  )
>

/** An operation was carried out: money moved, or an intent changed. */
type OperationEntry = RequestFacts &
  Late &
  Effect &
  Readonly<{
    intentId: string
    fingerprint: string
    /** The event is present when a webhook is sent about the operation. */
    eventId?: string
  }>
export type OperationLine = Line<OperationEntry>
export type RefundLine = Extract<OperationLine, { type: 'refund.succeeded' }>

/** The operation was carried out, and its caller got no answer or a 500. */
type ReplyFault = RequestFacts &
  Readonly<{
    type: 'reply.withheld' | 'reply.error'
    intentId: string
    refundId?: string
    /** This is true when the lost answer was a stored one, so this request changed nothing. */
    replayed: boolean
    cause: FaultCause
  }>

type RequestDropped = RequestFacts &
  Late &
  Readonly<{ type: 'request.dropped'; cause: FaultCause | LateDropCause }>

/** The request was accepted, gets no answer, and is executed at `dueAt` from this entry alone. */
export type RequestDelayed = RequestFacts &
  Readonly<{
    type: 'request.delayed'
    fingerprint: string
    /** A charge will be declined with this code, or will succeed when it is null. */
    declineCode: DeclineCode | null
    dueAt: string
    cause: FaultCause
  }>

/** A delayed request found its key answered, so it changed nothing. */
type RequestRepeated = RequestFacts &
  Readonly<{ type: 'request.repeated'; intentId: string; late: true }>

/** The quota refused `count` requests since the line before. The first came in at `since`. */
type RequestsRefused = Readonly<{ type: 'requests.refused'; count: number; since: string }>

export type WebhookFacts = Readonly<{
  eventId: string
  intentId: string
  metadata: RequestFacts['metadata']
}>

/** One attempt has ended. `copy` 0 is the webhook itself, the only one that is retried. */
type WebhookSent = WebhookFacts &
  Readonly<{
    type: 'webhook.sent'
    attempt: number
    copy: number
    status?: number
    error?: string
  }>

/** The setting `webhookDropRate` lost this webhook. It is never sent. */
type WebhookDropped = WebhookFacts & Readonly<{ type: 'webhook.dropped' }>

type WebhookAbandoned = WebhookFacts &
  Readonly<{ type: 'webhook.abandoned'; attempt: number; cause: 'tries' | 'window' }>

type SettingsChanged = Readonly<{
  type: 'settings.changed'
  /** With `restart` an earlier process ended with other settings, and the defaults are back. */
  cause: 'patch' | 'restart'
  settings: FaultSettings
}>

export type ProviderLogEntry =
  | OperationEntry
  | ReplyFault
  | RequestDropped
  | RequestDelayed
  | RequestRepeated
  | RequestsRefused
  | WebhookSent
  | WebhookDropped
  | WebhookAbandoned
  | SettingsChanged
export type ProviderLogLine = Line<ProviderLogEntry>
