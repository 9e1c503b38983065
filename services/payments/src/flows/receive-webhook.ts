import type { TakeHint } from '@nightshift/patterns/webhook-hint/types'
import type { Payment } from '../domain/payment.ts'
import {
  type CallbackVerdict,
  judgeCallback,
  type ProviderCallback,
} from '../domain/provider-webhook.ts'

export type TakeCallbackDeps = {
  takeHint: TakeHint
  findPayment: (paymentId: string) => Promise<Payment | undefined>
  /**
   * Remembers the event, and lets the reconciler ask the provider soon if the payment is open. False
   * if this event was taken before.
   */
  lookOnce: (callback: ProviderCallback) => Promise<boolean>
  /** Makes of the payment what the callback says. Only the naive twin does that. */
  believe: (callback: ProviderCallback, payment: Payment) => Promise<void>
}

export type CallbackResult = CallbackVerdict | { kind: 'duplicate' }

/**
 * A callback is a hint and never the truth: it may be late, early, doubled or out of order. It changes
 * no state. It only makes us ask the provider sooner than we would have.
 */
export async function takeCallback(
  deps: TakeCallbackDeps,
  callback: ProviderCallback,
): Promise<CallbackResult> {
  const { paymentId } = callback
  const payment = paymentId === undefined ? undefined : await deps.findPayment(paymentId)
  const verdict = judgeCallback(callback, payment)
  if (verdict.kind === 'refuse') return verdict
  const taken = await deps.takeHint({
    lookOnce: () => deps.lookOnce(callback),
    believe: async () => payment && deps.believe(callback, payment),
  })
  return taken === 'duplicate' ? { kind: 'duplicate' } : verdict
}
