import type { Log, LogFields } from '@nightshift/runtime/telemetry/logger'
import { Registry } from 'prom-client'
import {
  type BreakerLimits,
  type CallResult,
  type CircuitBreaker,
  circuitBreaker,
} from '../src/circuit-breaker/circuit-breaker.ts'
import type { CircuitBreakerLogEvent } from '../src/circuit-breaker/log-events.ts'
import { dependencyMetrics } from '../src/circuit-breaker/metrics.ts'

export const testLimits: BreakerLimits = {
  breakerWindowMs: 60_000,
  breakerVolumeMin: 5,
  breakerFailurePercent: 50,
  breakerOpenMs: 60_000,
  breakerProbeMs: 10_000,
}

/** A breaker whose log lines and metrics a test can read. */
export function openTestBreaker(changes: Partial<BreakerLimits> = {}) {
  const observed = observeBreaker()
  const { log, metrics } = observed
  return {
    breaker: circuitBreaker('bank', { ...testLimits, ...changes }, log, metrics),
    ...observed,
  }
}

/** What a breaker of any version is given to log and to count with. */
export function observeBreaker() {
  const lines: LogFields<string>[] = []
  const write = (fields: LogFields<string>) => void lines.push(fields)
  const log = { info: write, warn: write, error: write } as Log<CircuitBreakerLogEvent>
  const metrics = dependencyMetrics(new Registry())
  const { breakerState, breakerTrips, breakerRefused, breakerProbes } = metrics
  const firstValueOf = async (metric: { get: () => Promise<{ values: { value: number }[] }> }) =>
    (await metric.get()).values[0]?.value
  return {
    lines,
    log,
    metrics,
    state: () => firstValueOf(breakerState),
    trips: () => firstValueOf(breakerTrips),
    refused: () => firstValueOf(breakerRefused),
    /** How many probes ended in each way. */
    probes: async () => {
      const { values } = await breakerProbes.get()
      return Object.fromEntries(values.map(({ labels, value }) => [labels.result, value]))
    },
  }
}

/** Makes calls that end like this, one after another; answers how many were let through. */
export async function callOften(
  breaker: CircuitBreaker,
  result: CallResult,
  times: number,
): Promise<number> {
  let admitted = 0
  for (let i = 0; i < times; i += 1) {
    const call = breaker.admit()
    if (!call) continue
    admitted += 1
    await call.settle(result)
  }
  return admitted
}
