import { createHmac } from 'node:crypto'
import type Stripe from 'stripe'
import { showCharge, showIntent, unixSeconds } from '../answers/show-intent.ts'
import { limits } from '../limits.ts'
import type { DoneLine } from '../log/provider-log-entry.ts'
import type { Deed } from '../operations/payment-intent.ts'

/** Who is called back, and the secret both sides know. */
export type WebhookEndpoint = Readonly<{ url: string; secret: string }>

/** How one attempt ended: what the endpoint answered, or why it did not. */
export type WebhookAnswer = Readonly<{ status: number } | { error: string }>

/** Tells the endpoint once about something that was done. Never throws; the answer says what went wrong. */
export async function postWebhook(
  { url, secret }: WebhookEndpoint,
  eventId: string,
  deed: Deed,
  stop: AbortSignal,
): Promise<WebhookAnswer> {
  const body = JSON.stringify(eventOf(eventId, deed))
  const nowSeconds = Math.floor(Date.now() / 1_000)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': signWebhook(body, secret, nowSeconds),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([stop, AbortSignal.timeout(limits.webhookAttemptMs)]),
    })
    await response.body?.cancel()
    return { status: response.status }
  } catch (error) {
    return { error: reasonOf(error) }
  }
}

/** What each act is called when it is told. */
const eventTypes = {
  'intent.created': 'payment_intent.created',
  'intent.authorized': 'payment_intent.amount_capturable_updated',
  'intent.succeeded': 'payment_intent.succeeded',
  'intent.captured': 'payment_intent.succeeded',
  'intent.declined': 'payment_intent.payment_failed',
  'intent.canceled': 'payment_intent.canceled',
  'refund.succeeded': 'charge.refunded',
} as const satisfies Record<DoneLine['type'], Stripe.Event['type']>

/** The version that the SDK of our tests is made for; a test holds it against the SDK. */
const apiVersion = '2026-10-28.endive'

function eventOf(id: string, { line, intent }: Deed) {
  const isRefund = line.type === 'refund.succeeded'
  return {
    id,
    object: 'event',
    api_version: apiVersion,
    created: unixSeconds(line.at),
    data: { object: isRefund ? showCharge(intent) : showIntent(intent) },
    livemode: false,
    pending_webhooks: 1,
    request: { id: line.requestId, idempotency_key: line.idempotencyKey },
    type: eventTypes[line.type],
  } satisfies Stripe.EventBase
}

/** Short enough for a line of the log: the code of the system error, or what kind of error it was. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
}

/**
 * The value of the `Stripe-Signature` header: when it was signed, and an HMAC over that and the
 * body, so that neither can be changed and an old webhook can be told from a new one.
 */
function signWebhook(body: string, secret: string, unixSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${unixSeconds}.${body}`).digest('hex')
  return `t=${unixSeconds},v1=${digest}`
}
