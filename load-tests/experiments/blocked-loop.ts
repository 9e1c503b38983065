import { atRate } from '../harness/recording-client.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn, chargedForNobody } from './caller-figures.ts'

const callersPerSecond = 20
/** How long each caller waits. It says so, but a process that is blocked does not hear it. */
const patienceMs = 2_000
/** Those who ask in the first four seconds of it have left when it ends. */
const blockedMs = 6_000
/** Six seconds of payments pass between two blocks, so that each finds a process at rest. */
const everyNth = 120
const blocked = { BLOCK_AT: `payment.claimed:${everyNth}:${blockedMs}` }
/** It would refuse callers in both arms, once enough is left open. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }
const naive = { ...backlog, PATTERN_LOAD_SHEDDING: 'naive' }

/** Payments computes for seconds now and then, and does nothing else meanwhile. */
export const blockedLoop: Experiment = {
  name: 'blocked-loop',
  title: 'The event loop of payments is blocked for seconds',
  area: 'resilience',
  pattern: 'load-shedding',
  hypothesis: 'What has waited too long for a blocked process is refused, and not begun.',
  arms: {
    with: { payments: { ...backlog, ...blocked } },
    naive: { payments: { ...naive, ...blocked } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 900, short: 300 },
  method: async ({ system, client, recordFault, size }) => {
    recordFault('block', 'begin', 'payments', blocked)
    const pay = () => client.payAndLeave('acme', { waitMs: patienceMs, saysSo: true })
    await atRate(pay, size, callersPerSecond)
    // The last block may still last.
    await system.waitReady('payments')
    recordFault('block', 'end', 'payments')
  },
  sometimes: ['attempt.lost >= 50', 'payment.captured >= 1'],
  figures: evidence => {
    const statuses = callersIn(evidence).map(({ status }) => status)
    return {
      ...chargedForNobody(evidence),
      paid: statuses.filter(status => status === 201).length,
      refused: statuses.filter(status => status === 503).length,
    }
  },
  shows: {
    figure: 'chargedForNobody',
    of: 'callers',
    atLeast: 50,
    unit: 'cards charged for a caller who had left',
  },
}
