import type { TakeHint } from '@nightshift/patterns/webhook-hint/types'
import type { Payment } from '../domain/payment.ts'
import {
  checkWebhook,
  type ProviderWebhook,
  type WebhookVerdict,
} from '../domain/provider-webhook.ts'

export type ReceiveWebhookDeps = {
  takeHint: TakeHint
  findPayment: (paymentId: string) => Promise<Payment | undefined>
  /**
   * Remembers the event, and lets the reconciler ask the provider soon if the payment is open. False
   * if this event was taken before.
   */
  lookOnce: (webhook: ProviderWebhook) => Promise<boolean>
  /** Makes of the payment what the webhook says. Only the naive twin does that. */
  believe: (webhook: ProviderWebhook, payment: Payment) => Promise<void>
}

export type WebhookResult = WebhookVerdict | { kind: 'duplicate' }

/**
 * A webhook is a hint and never the truth: it may be late, early, doubled or out of order. It changes
 * no state. It only makes us ask the provider sooner than we would have.
 */
export async function receiveWebhook(
  deps: ReceiveWebhookDeps,
  webhook: ProviderWebhook,
): Promise<WebhookResult> {
  const { paymentId } = webhook
  const payment = paymentId === undefined ? undefined : await deps.findPayment(paymentId)
  const verdict = checkWebhook(webhook, payment)
  if (verdict.kind === 'refuse') return verdict
  const taken = await deps.takeHint({
    lookOnce: () => deps.lookOnce(webhook),
    believe: async () => payment && deps.believe(webhook, payment),
  })
  return taken === 'duplicate' ? { kind: 'duplicate' } : verdict
}
