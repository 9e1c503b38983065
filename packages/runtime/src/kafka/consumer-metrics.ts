import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import { secondsBuckets } from '../telemetry/metrics.ts'

/** The metrics of every consumer of one process. */
export function consumerMetrics(registry: Registry) {
  const registers = [registry]
  return {
    eventsConsumed: new Counter({
      name: 'events_consumed_total',
      help: 'Records read from Kafka, by what became of them.',
      labelNames: ['topic', 'type', 'outcome'] as const,
      registers,
    }),
    eventSeconds: new Histogram({
      name: 'event_processing_duration_seconds',
      help: 'Time to apply one record, retries included.',
      labelNames: ['topic'] as const,
      buckets: secondsBuckets,
      registers,
    }),
    eventAgeSeconds: new Histogram({
      name: 'event_age_seconds',
      help: 'Time from the commit of an event to its application by this consumer.',
      labelNames: ['topic'] as const,
      buckets: [...secondsBuckets, 30, 60, 300],
      registers,
    }),
    stalledSeconds: new Gauge({
      name: 'consumer_without_progress_seconds',
      help: 'Time since a consumer applied a record or had none to apply. Above 15 it is stalled.',
      labelNames: ['topic'] as const,
      registers,
    }),
  }
}

export type ConsumerMetrics = ReturnType<typeof consumerMetrics>
