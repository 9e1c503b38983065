import { secondsBuckets } from '@nightshift/runtime/telemetry/metrics'
import { Gauge, Histogram, type Registry } from 'prom-client'

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
    breakerState: new Gauge({
      name: 'breaker_state',
      help: 'State of a circuit breaker: 0 closed, 0.5 half open, 1 open.',
      labelNames: ['dependency'] as const,
      registers,
    }),
  }
}

export type DependencyMetrics = ReturnType<typeof dependencyMetrics>
