import type { ReceiveWebhook } from '@nightshift/patterns/webhook-hint/types'
import type { Payment } from '../domain/payment.ts'
import {
  checkWebhook,
  type ProviderWebhook,
  type WebhookVerdict,
} from '../domain/provider-webhook.ts'
import type { WebhookStore } from '../store/webhook-store.ts'

export type ReceiveWebhookDeps = {
  store: WebhookStore
  receive: ReceiveWebhook
  /** Changes the payment to what the webhook says. Only the naive version does this. */
  applyDirectly: (webhook: ProviderWebhook, payment: Payment) => Promise<void>
}

export type WebhookResult = WebhookVerdict | { kind: 'duplicate' }

/**
 * A webhook is a hint and never the truth: it may be late, early, repeated or out of order. It
 * changes no state. It only makes the reconciler ask the provider sooner.
 */
export async function receiveWebhook(
  { store, receive, applyDirectly }: ReceiveWebhookDeps,
  webhook: ProviderWebhook,
): Promise<WebhookResult> {
  const { paymentId } = webhook
  const payment = paymentId === undefined ? undefined : await store.findPayment(paymentId)
  const verdict = checkWebhook(webhook, payment)
  if (verdict.kind === 'refuse') return verdict
  const received = await receive({
    recordOnce: () => store.recordOnce(webhook),
    apply: async () => payment && applyDirectly(webhook, payment),
  })
  return received === 'duplicate' ? { kind: 'duplicate' } : verdict
}
