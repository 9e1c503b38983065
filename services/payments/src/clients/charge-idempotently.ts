import type { RetryMode } from '@nightshift/patterns/unknown-outcome/retry-mode'
import type { TakePaymentDeps } from '../flows/take-payment.ts'
import { lookUpCharge } from './look-up-charge.ts'
import { type ProviderConnection, unknown } from './provider-api.ts'

/**
 * Asks for a charge under its key while the provider remembers that, and from then on only looks for
 * it: a provider that has forgotten the key would charge again.
 * @param charge asks under the key
 * @param retryModeOf about what was begun then
 */
export function chargeIdempotently(
  charge: TakePaymentDeps['charge'],
  provider: ProviderConnection,
  retryModeOf: (begunAt: Date) => RetryMode,
): TakePaymentDeps['charge'] {
  return async (payment, deadline) => {
    const way = retryModeOf(payment.createdAt)
    if (way === 'same_key') {
      const outcome = await charge(payment, deadline)
      // Once is the network. But a provider may have stored its 500, and replay that for as long as
      // it knows the key: what was asked for before is looked for, too.
      if (outcome.kind !== 'unknown' || payment.attempt === 1) return outcome
      const found = await lookUpCharge(provider, payment, deadline)
      return found.kind === 'absent' ? outcome : found
    }
    const found = await lookUpCharge(provider, payment, deadline)
    if (found.kind !== 'absent') return found
    return way === 'look_up'
      ? unknown('nobody finds it yet')
      : { kind: 'rejected', reason: 'expired' }
  }
}
