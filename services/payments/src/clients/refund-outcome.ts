import type { Outcome } from '@nightshift/runtime/process/outcome'
import type { Refund, RefundAtProvider, RefundObstacle } from '../domain/refund.ts'
import type { ProviderObject } from './provider-api.ts'

/** `rejected`: the provider will not make this refund. It stays pending all the same. */
export type RefundOutcome = Outcome<RefundAtProvider, RefundObstacle>

/** The outcome of our refund, read from the provider's. Undefined if we don't know its status. */
export function refundOutcome(body: ProviderObject, refund: Refund): RefundOutcome | undefined {
  const { id, status, amount = refund.amountCents } = body
  if (id === undefined) return undefined
  if (amount !== refund.amountCents) return { kind: 'rejected', reason: 'another_amount' }
  switch (status) {
    case 'succeeded':
      return { kind: 'ok', value: { kind: 'made', providerRefundId: id } }
    case 'pending':
    case 'requires_action':
      return { kind: 'ok', value: { kind: 'pending' } }
    case 'failed':
    case 'canceled':
      return { kind: 'rejected', reason: 'failed_at_provider' }
    default:
      return undefined
  }
}
