import type { Log } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'

/**
 * What an app needs to be described and not run: its routes and schemas are real, and whatever is
 * behind them fails when it is called.
 */
export function nothingBehind(name: string): object {
  const real: Record<string, unknown> = { log: {} as Log, metrics: createMetrics(name) }
  return new Proxy(real, {
    get: (target, property) =>
      target[String(property)] ?? (() => Promise.reject(new Error('absent'))),
  })
}
