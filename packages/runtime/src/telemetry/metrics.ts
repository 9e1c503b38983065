import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Finer below 100 ms than the defaults of the library: that is where this system lives. */
const secondsBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/**
 * The metrics that every service has; what only one of them means, it adds to the registry itself. Labels are closed sets (route templates, event types, names of
 * dependencies), never ids, raw URLs or error texts: each value is a time series for ever.
 */
export function createMetrics(service: string) {
  const registry = new Registry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  const registers = [registry]
  return {
    registry,
    httpRequestSeconds: new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: secondsBuckets,
      registers,
    }),
    dependencyCallSeconds: new Histogram({
      name: 'dependency_call_duration_seconds',
      help: 'Time spent waiting for another service or an outside party, per outcome.',
      labelNames: ['dependency', 'outcome'] as const,
      buckets: secondsBuckets,
      registers,
    }),
    breakerState: new Gauge({
      name: 'breaker_state',
      help: 'State of a circuit breaker: 0 closed, 0.5 half open, 1 open.',
      labelNames: ['dependency'] as const,
      registers,
    }),
    backlogOpen: new Gauge({
      name: 'backlog_open',
      help: 'Accepted and not finished by its request; a job goes on with it. Counted up to its bound.',
      registers,
    }),
    ...eventMetrics(registers),
  }
}

/** Events on their way: out of the outbox, and into the tables of who consumes them. */
function eventMetrics(registers: Registry[]) {
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
    consumerStalledSeconds: new Gauge({
      name: 'consumer_without_progress_seconds',
      help: 'Time since a consumer applied a record or had none to apply. Above 15 it is stalled.',
      labelNames: ['topic'] as const,
      registers,
    }),
    eventsRelayed: new Counter({
      name: 'outbox_relayed_total',
      help: 'Events taken from the outbox and acknowledged by Kafka.',
      registers,
    }),
    outboxOldestSeconds: new Gauge({
      name: 'outbox_oldest_unpublished_seconds',
      help: 'Age of the oldest event that is committed and not yet published. The objective is set on this.',
      registers,
    }),
  }
}

export type Metrics = ReturnType<typeof createMetrics>
