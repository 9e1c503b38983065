/**
 * Fault:    a dependency that all instances share is away, and callers could be served without it
 * Without:  load-tests/results/shared-dependency.json (callers refused); the code is `naive.ts`.
 * With:     the probes ask only about this process. Dependencies are in a report, and each request
 *           finds out by itself what it can't do.
 * Switch:   PATTERN_HEALTH_CHECKS=naive
 */
import type { HealthChecks } from './types.ts'

/**
 * - Live: the event loop turns, or there would be no answer. A restart helps against nothing else that
 *   a probe could see.
 * - Ready: this instance has started, and is not about to stop. A proxy can do something about that: it
 *   sends the request to another instance. When a dependency is away, no other instance is better off.
 */
export const askThisProcessOnly: HealthChecks = ({ isServing }) => ({
  isLive: () => true,
  isReady: isServing,
})
