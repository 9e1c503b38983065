import { Counter, type Registry } from 'prom-client'

/** What became of calls that could have been repeated. */
export function retryMetrics(registry: Registry) {
  const counter = new Counter({
    name: 'retries_total',
    help: 'Calls that could be repeated, per dependency: repeated, too long, too late, no budget.',
    labelNames: ['dependency', 'result'] as const,
    registers: [registry],
  })
  return {
    of: (dependency: string) => ({
      decided: (result: 'repeated' | 'too long' | 'too late' | 'no budget') =>
        counter.inc({ dependency, result }),
    }),
  }
}

export type RetryMetrics = ReturnType<ReturnType<typeof retryMetrics>['of']>
