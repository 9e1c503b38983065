import { Counter, Gauge, type Registry } from 'prom-client'
import { refundObstacles } from './domain/refund.ts'

/** The metrics of this service alone. The runtime has those that every service has. */
export function createPaymentMetrics(registry: Registry) {
  const registers = [registry]
  const refundsBlocked = new Counter({
    name: 'refunds_blocked_total',
    help: 'Attempts at refunds that the provider will never make, by reason. A person must decide.',
    labelNames: ['reason'] as const,
    registers,
  })
  // Prometheus sees an increase only of a series that was there before.
  for (const reason of refundObstacles) refundsBlocked.inc({ reason }, 0)
  return {
    refundsBlocked,
    paymentsOldestSeconds: new Gauge({
      name: 'payments_oldest_open_seconds',
      help: 'Age of the oldest payment whose outcome is open.',
      registers,
    }),
    refundsOldestSeconds: new Gauge({
      name: 'refunds_oldest_pending_seconds',
      help: 'Age of the oldest pending refund.',
      registers,
    }),
    webhooks: new Counter({
      name: 'provider_webhooks_total',
      help: 'Webhooks of the card provider, by outcome.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    webhooksIgnored: new Counter({
      name: 'provider_webhooks_ignored_total',
      help: 'Signed events of the card provider that are not about our payments, by type.',
      labelNames: ['type'] as const,
      registers,
    }),
  }
}
