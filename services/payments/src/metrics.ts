import { Counter, Gauge, type Registry } from 'prom-client'

/** What only this service can measure, beside what every service does. */
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
      help: 'Tries of refunds that only a person can bring to an end, by what is in their way.',
      labelNames: ['reason'] as const,
      registers,
    }),
    refundsOldestSeconds: new Gauge({
      name: 'refunds_oldest_pending_seconds',
      help: 'Age of the oldest refund that is owed.',
      registers,
    }),
    webhooks: new Counter({
      name: 'provider_webhooks_total',
      help: 'Webhooks of the card provider, by what became of them.',
      labelNames: ['outcome'] as const,
      registers,
    }),
    webhooksIgnored: new Counter({
      name: 'provider_webhooks_ignored_total',
      help: 'Signed events of the card provider that are about nothing of ours, by their type.',
      labelNames: ['type'] as const,
      registers,
    }),
  }
}
