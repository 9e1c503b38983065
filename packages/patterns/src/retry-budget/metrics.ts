import { Counter, type Registry } from 'prom-client'

const results = ['repeated', 'too long', 'too late', 'no budget'] as const

/** What became of calls that could have been repeated. */
export function retryMetrics(registry: Registry) {
  const counter = new Counter({
    name: 'retries_total',
    help: 'Calls that could be repeated, per dependency: repeated, too long, too late, no budget.',
    labelNames: ['dependency', 'result'] as const,
    registers: [registry],
  })
  return {
    of: (dependency: string) => {
      // Prometheus sees an increase only of a series that was there before.
      for (const result of results) counter.inc({ dependency, result }, 0)
      return {
        decided: (result: (typeof results)[number]) => counter.inc({ dependency, result }),
      }
    },
  }
}

export type RetryMetrics = ReturnType<ReturnType<typeof retryMetrics>['of']>
