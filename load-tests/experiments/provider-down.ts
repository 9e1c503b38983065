import { rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn, firstPaidAfter, lengthOfFault, p99WaitMs } from './caller-figures.ts'

const callersPerSecond = 30
/** By then the first calls have timed out, and a breaker has had its evidence. */
const knownDownMs = 4_000
/**
 * Five seconds of callers, so that one of them asks just when payments work again. A probe
 * that went out just before the return fails after two seconds, and then the breaker is open for one.
 */
const callersAfterReturn = 150
/** It would refuse the callers whose wait is measured here, in both arms. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** The card provider takes requests and answers none of them for some seconds. Then it is back. */
export const providerDown: Experiment = {
  name: 'provider-down',
  title: 'The card provider takes requests and answers none',
  area: 'resilience',
  pattern: 'circuit-breaker',
  hypothesis: 'A provider that is down is left alone, and callers do not wait for it.',
  arms: {
    with: { payments: backlog },
    naive: { payments: { ...backlog, PATTERN_CIRCUIT_BREAKER: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 360, short: 240 },
  method: async context => {
    const callers = (count: number) =>
      atRate(() => context.client.payAndLeave('acme'), count, callersPerSecond)
    await whileSilent(context, 'before', 1, () => callers(context.size))
    await callers(callersAfterReturn)
  },
  sometimes: ['provider.request_dropped >= 1', 'attempt.pending >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const downMs = lengthOfFault(evidence)
    const callers = callersIn(evidence)
    const whileDown = callers.filter(({ sinceFaultMs }) => sinceFaultMs < downMs)
    const late = whileDown.filter(({ sinceFaultMs }) => sinceFaultMs >= knownDownMs)
    const dropped = rowsOf(evidence.provider).filter(({ type }) => type === 'request.dropped')
    return {
      callers: whileDown.length,
      requestsWhileDown: dropped.reduce((sum, { count = 1 }) => sum + count, 0),
      callersP99Ms: p99WaitMs(late),
      firstPaidAfterMs: firstPaidAfter(downMs, callers),
    }
  },
  shows: {
    figure: 'requestsWhileDown',
    of: 'callers',
    atLeast: 50,
    unit: 'requests to a provider that was down',
  },
}
