import type { Recovery } from '../runner/run-recovery.ts'

/**
 * A payment keeps one of the 56 places for calls to the provider for this long. So the capacity is 46
 * payments per second on every machine: places divided by latency.
 */
const usualMs = 1_200
/** Payments gives an attempt two seconds. */
const troubledMs = 4_800
/** Three quarters of the capacity. */
const callersPerSecond = 35

/** Every pattern that limits or ends work. Those that keep the data correct stay on in all arms. */
const unprotected = {
  PATTERN_BOUNDED_BACKLOG: 'naive',
  PATTERN_BULKHEAD: 'naive',
  PATTERN_CIRCUIT_BREAKER: 'naive',
  PATTERN_DEADLINE: 'naive',
  PATTERN_LOAD_SHEDDING: 'naive',
  PATTERN_RETRY_BUDGET: 'naive',
}
const repeat = { backOff: false, sayPatience: false }
const withBudget = { backOff: true, retryShare: 0.1, sayPatience: true }

/** The card provider is slow for a quarter of a minute, and then as fast as before. */
export const metastability: Recovery = {
  name: 'metastability',
  title: 'The card provider is slow for 15 s, and then as fast as before',
  area: 'resilience',
  hypothesis:
    'Without the patterns most callers are still not served three minutes after the trouble. With them all are, half a minute after it.',
  arms: {
    naive: { title: 'no protection', payments: unprotected, callers: repeat },
    backoff: {
      title: 'callers back off',
      payments: unprotected,
      callers: { ...repeat, backOff: true },
    },
    budget: {
      title: 'retry budget and deadline',
      payments: { ...unprotected, PATTERN_DEADLINE: 'on', PATTERN_RETRY_BUDGET: 'on' },
      callers: withBudget,
    },
    with: { title: 'all patterns', payments: {}, callers: withBudget },
  },
  callersPerSecond,
  provider: { usual: { latencyMs: usualMs }, troubled: { latencyMs: troubledMs } },
  phases: {
    full: {
      warmUpSeconds: 10,
      beforeSeconds: 15,
      troubleSeconds: 15,
      afterSeconds: 180,
      endSeconds: 30,
    },
    short: {
      warmUpSeconds: 8,
      beforeSeconds: 8,
      troubleSeconds: 15,
      afterSeconds: 40,
      endSeconds: 10,
    },
  },
  // The promise L8: the goodput is back within 30 s.
  backWithinSeconds: 30,
  shows: { figure: 'unservedAtEnd', of: 'callersAtEnd', unit: 'callers not served, long after it' },
}
