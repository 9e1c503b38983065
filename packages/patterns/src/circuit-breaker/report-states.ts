import type { EventEmitter } from 'node:events'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { CircuitBreakerLogEvent } from './log-events.ts'
import type { DependencyMetrics } from './metrics.ts'

const closed = 0
const halfOpen = 0.5
const opened = 1

/** Logs and counts the changes of an opossum's state. The series of a new process begin at zero. */
export function reportStates(
  states: EventEmitter,
  dependency: string,
  log: Log<CircuitBreakerLogEvent>,
  metrics: Pick<DependencyMetrics, 'breakerState' | 'breakerTrips' | 'breakerRefused'>,
): void {
  const { breakerState, breakerTrips, breakerRefused } = metrics
  breakerState.set({ dependency }, closed)
  breakerTrips.inc({ dependency }, 0)
  breakerRefused.inc({ dependency }, 0)
  states.on('open', () => {
    breakerState.set({ dependency }, opened)
    breakerTrips.inc({ dependency })
    log.warn({ event: 'breaker.opened', dependency })
  })
  states.on('halfOpen', () => {
    breakerState.set({ dependency }, halfOpen)
    log.info({ event: 'breaker.half_opened', dependency })
  })
  states.on('close', () => {
    breakerState.set({ dependency }, closed)
    log.info({ event: 'breaker.closed', dependency })
  })
}
