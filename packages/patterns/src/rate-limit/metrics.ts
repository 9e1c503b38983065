import { Counter, type Registry } from 'prom-client'

/** The metrics of the limits of one service. */
export function rateLimitMetrics(registry: Registry) {
  const registers = [registry]
  return {
    refused: new Counter({
      name: 'rate_limit_refused_total',
      help: 'Requests that were refused because their tenant or client was over a limit, per limit.',
      labelNames: ['limit'] as const,
      registers,
    }),
    local: new Counter({
      name: 'rate_limit_local_total',
      help: 'Decisions that were made in the process because Redis was away or slow.',
      registers,
    }),
  }
}

export type RateLimitMetrics = ReturnType<typeof rateLimitMetrics>
