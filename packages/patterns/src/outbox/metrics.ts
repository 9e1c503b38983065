import { Counter, Gauge, type Registry } from 'prom-client'

/** The metrics of a relay. */
export function outboxMetrics(registry: Registry) {
  const registers = [registry]
  return {
    eventsRelayed: new Counter({
      name: 'outbox_relayed_total',
      help: 'Events taken from the outbox and acknowledged by Kafka.',
      registers,
    }),
    oldestSeconds: new Gauge({
      name: 'outbox_oldest_unpublished_seconds',
      help: 'Age of the oldest event that is committed and not yet published. The objective is set on this.',
      registers,
    }),
  }
}

export type OutboxMetrics = ReturnType<typeof outboxMetrics>
