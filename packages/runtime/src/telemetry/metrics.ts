import {
  collectDefaultMetrics,
  Histogram,
  type OpenMetricsContentType,
  Registry,
} from 'prom-client'

/** Finer below 100 ms than the defaults of the library: that is where this system lives. */
export const secondsBuckets = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/**
 * The metrics that every service has. What only some have is registered by its owner on the same
 * registry: the consumer, a pattern, the service. Labels are closed sets (route templates, event
 * types, names of dependencies), never ids, raw URLs or error texts: each value is a time series for
 * ever.
 */
export function createMetrics(service: string) {
  const registry = openMetricsRegistry()
  registry.setDefaultLabels({ service })
  collectDefaultMetrics({ register: registry })
  return {
    registry,
    httpRequestSeconds: new Histogram({
      name: 'http_server_request_duration_seconds',
      help: 'Time from the head of a request to the end of its answer.',
      labelNames: ['method', 'route', 'status'] as const,
      buckets: secondsBuckets,
      registers: [registry],
      enableExemplars: true,
    }),
  }
}

/** A registry in the only format with exemplars: the trace of one request in each bucket. */
function openMetricsRegistry(): Registry {
  const registry = new Registry<OpenMetricsContentType>()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  // The library has the format in the type, and no code that registers a metric depends on it.
  return registry as unknown as Registry
}

export type Metrics = ReturnType<typeof createMetrics>
