import { createHmac } from 'node:crypto'
import type Stripe from 'stripe'
import { showCharge, showIntent, unixSeconds } from '../answers/show-intent.ts'
import { limits } from '../limits.ts'
import type { OperationLine } from '../log/provider-log-entry.ts'
import type { CompletedOperation } from '../operations/payment-intent.ts'

/** The receiver of the webhooks shares the secret with the provider. */
export type WebhookEndpoint = Readonly<{ url: string; secret: string }>

/** One attempt ends with the status that the endpoint answered, or with an error. */
export type WebhookAnswer = Readonly<{ status: number } | { error: string }>

/** Posts one webhook about an operation. It never rejects; the answer says what went wrong. */
export async function postWebhook(
  { url, secret }: WebhookEndpoint,
  eventId: string,
  completed: CompletedOperation,
  stop: AbortSignal,
): Promise<WebhookAnswer> {
  const body = JSON.stringify(eventOf(eventId, completed))
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

const eventTypes = {
  'intent.created': 'payment_intent.created',
  'intent.authorized': 'payment_intent.amount_capturable_updated',
  'intent.succeeded': 'payment_intent.succeeded',
  'intent.captured': 'payment_intent.succeeded',
  'intent.declined': 'payment_intent.payment_failed',
  'intent.canceled': 'payment_intent.canceled',
  'refund.succeeded': 'charge.refunded',
} as const satisfies Record<OperationLine['type'], Stripe.Event['type']>

/** The SDK in our tests has this API version. A test compares them. */
const apiVersion = '2026-10-28.endive'

function eventOf(id: string, { line, intent }: CompletedOperation) {
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

/**
 * Makes the value of the `Stripe-Signature` header. The HMAC covers the time and the body, so that
 * neither can be changed and an old webhook is recognized as old.
 */
function signWebhook(body: string, secret: string, atSeconds: number): string {
  const digest = createHmac('sha256', secret).update(`${atSeconds}.${body}`).digest('hex')
  return `t=${atSeconds},v1=${digest}`
}

/** Answers the code of a system error or the name of another one. Both fit into a log line. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
}
