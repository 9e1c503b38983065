import { secondsBuckets } from '@nightshift/runtime/telemetry/metrics'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** The metrics of all dependencies of one process. */
export function dependencyMetrics(registry: Registry) {
  const registers = [registry]
  return {
    callSeconds: new Histogram({
      name: 'dependency_call_duration_seconds',
      help: 'Time spent waiting for another service or an outside party, per outcome.',
      labelNames: ['dependency', 'outcome'] as const,
      buckets: secondsBuckets,
      registers,
    }),
    localStalls: new Counter({
      name: 'dependency_local_stalls_total',
      help: 'Calls that ran out of time because the event loop of this process stood still.',
      labelNames: ['dependency'] as const,
      registers,
    }),
    breakerState: new Gauge({
      name: 'breaker_state',
      help: 'State of a circuit breaker: 0 closed, 0.5 half open, 1 open.',
      labelNames: ['dependency'] as const,
      registers,
    }),
    breakerTrips: new Counter({
      name: 'breaker_trips_total',
      help: 'How often a circuit breaker opened, also after a failed probe.',
      labelNames: ['dependency'] as const,
      registers,
    }),
    breakerProbes: new Counter({
      name: 'breaker_probes_total',
      help: 'Probes of a half-open circuit breaker, per result: ok, failed, neutral or hung.',
      labelNames: ['dependency', 'result'] as const,
      registers,
    }),
    breakerRefused: new Counter({
      name: 'breaker_refused_total',
      help: 'Calls that a circuit breaker did not let through.',
      labelNames: ['dependency'] as const,
      registers,
    }),
  }
}

export type DependencyMetrics = ReturnType<typeof dependencyMetrics>
