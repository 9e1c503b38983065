import { limits } from './limits.ts'
import type { PaymentIntent } from './payment-intent.ts'
import { showIntent } from './payment-intent.ts'
import { signCallback } from './sign-callback.ts'

/** Who is called back, and the secret both sides know. */
export type CallbackEndpoint = Readonly<{ url: string; secret: string }>

/** How one attempt ended: what the endpoint answered, or why it did not. */
export type CallbackAnswer = Readonly<{ status: number } | { error: string }>

/** Tells the endpoint once about a decided charge. Never throws; the answer says what went wrong. */
export async function postCallback(
  { url, secret }: CallbackEndpoint,
  eventId: string,
  intent: PaymentIntent,
  stop: AbortSignal,
): Promise<CallbackAnswer> {
  const body = JSON.stringify(eventOf(eventId, intent))
  const unixSeconds = Math.floor(Date.now() / 1_000)
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'stripe-signature': signCallback(body, secret, unixSeconds),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([stop, AbortSignal.timeout(limits.callbackAttemptMs)]),
    })
    await response.body?.cancel()
    return { status: response.status }
  } catch (error) {
    return { error: reasonOf(error) }
  }
}

function eventOf(id: string, intent: PaymentIntent) {
  const succeeded = intent.type === 'intent.succeeded'
  return {
    id,
    object: 'event',
    type: succeeded ? 'payment_intent.succeeded' : 'payment_intent.payment_failed',
    created: Math.floor(Date.parse(intent.at) / 1_000),
    data: { object: showIntent(intent) },
  }
}

/** Short enough for a line of the log: the code of the system error, or what kind of error it was. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  return cause instanceof Error && 'code' in cause ? String(cause.code) : error.name
}
