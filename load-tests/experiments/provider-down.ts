import { rowsOf } from '../auditor/evidence.ts'
import { payAtRate } from '../harness/recording-client.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn, p99WaitMs } from './caller-figures.ts'

const callersPerSecond = 30
/** By then the first calls have timed out, and a breaker has had its evidence. */
const knownDownMs = 4_000
/** It would refuse the callers whose wait is measured here, in both arms. */
const backlog = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/** The card provider takes requests and answers none of them for some seconds. */
export const providerDown: Experiment = {
  name: 'provider-down',
  title: 'The card provider takes requests and answers none',
  area: 'payments',
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
  method: context =>
    whileSilent(context, 'before', 1, () =>
      payAtRate(context.client, context.size, callersPerSecond),
    ),
  sometimes: ['provider.request_dropped >= 1', 'attempt.pending >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const callers = callersIn(evidence)
    const late = callers.filter(({ sinceFaultMs }) => sinceFaultMs >= knownDownMs)
    const dropped = rowsOf(evidence.provider).filter(({ type }) => type === 'request.dropped')
    return {
      callers: callers.length,
      requestsWhileDown: dropped.reduce((sum, { count = 1 }) => sum + count, 0),
      callersP99Ms: p99WaitMs(late),
    }
  },
  shows: {
    figure: 'requestsWhileDown',
    of: 'callers',
    atLeast: 50,
    unit: 'requests to a provider that was down',
  },
}
