import { Counter, Gauge, type Registry } from 'prom-client'

/** The metrics of this service alone. The runtime has those that every service has. */
export function createPaymentMetrics(registry: Registry) {
  const registers = [registry]
  return {
    paymentsOldestSeconds: new Gauge({
      name: 'payments_oldest_open_seconds',
      help: 'Age of the oldest payment whose outcome is open.',
      registers,
    }),
    refundsBlocked: new Counter({
      name: 'refunds_blocked_total',
      help: 'Attempts at refunds that the provider will never make, by reason. A person must decide.',
      labelNames: ['reason'] as const,
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
