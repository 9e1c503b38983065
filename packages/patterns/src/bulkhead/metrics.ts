import { Counter, Gauge, type Registry } from 'prom-client'

/** The metrics of all bulkheads of one process. */
export function bulkheadMetrics(registry: Registry) {
  const registers = [registry]
  const labelNames = ['bulkhead'] as const
  const calls = new Gauge({
    name: 'bulkhead_calls',
    help: 'Calls of one kind that are under way at this moment.',
    labelNames,
    registers,
  })
  const refusals = new Counter({
    name: 'bulkhead_refused_total',
    help: 'Calls that were refused because all places of their kind were taken.',
    labelNames,
    registers,
  })
  return {
    of: (bulkhead: string) => {
      calls.set({ bulkhead }, 0)
      refusals.inc({ bulkhead }, 0)
      return {
        underWay: (count: number) => calls.set({ bulkhead }, count),
        refused: () => refusals.inc({ bulkhead }),
      }
    },
  }
}

export type BulkheadMetrics = ReturnType<ReturnType<typeof bulkheadMetrics>['of']>
