import { atRate } from '../harness/recording-client.ts'
import { whileSlow } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn, p99WaitMs } from './caller-figures.ts'

const callersPerSecond = 5
/** Longer than a caller waits, and shorter than the thirty seconds of the naive version. */
const latencyMs = 8_000
/** A person leaves a page that shows nothing, and a proxy or an app has a limit like this one. */
const patienceMs = 4_000
/**
 * They would answer most callers at once in the arm that notices the slowness. Here only the waits
 * are to make the difference.
 */
const others = { PATTERN_BOUNDED_BACKLOG: 'naive', PATTERN_CIRCUIT_BREAKER: 'naive' }

const eachLayerAlone = { PATTERN_TIMEOUT_HIERARCHY: 'naive' }

/** The card provider works, and takes longer for each answer than callers wait. */
export const slowProvider: Experiment = {
  name: 'slow-provider',
  title: 'The card provider answers later than callers wait',
  area: 'resilience',
  pattern: 'timeout-hierarchy',
  hypothesis: 'A caller who waits four seconds gets an answer, however slow the provider is.',
  arms: {
    with: { payments: others },
    naive: { payments: { ...others, ...eachLayerAlone }, listings: eachLayerAlone },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 100, short: 40 },
  method: context =>
    whileSlow(context, latencyMs, () =>
      atRate(
        () => context.client.payAndLeave('acme', { waitMs: patienceMs }),
        context.size,
        callersPerSecond,
      ),
    ),
  sometimes: ['payment.captured >= 1'],
  figures: evidence => {
    const callers = callersIn(evidence)
    return {
      callers: callers.length,
      leftWithoutAnswer: callers.filter(({ status }) => status === 0).length,
      toldPending: callers.filter(({ status }) => status === 202).length,
      /** A caller that left counts with its whole wait: its answer would have come later. */
      answerP99Ms: p99WaitMs(callers),
    }
  },
  shows: {
    figure: 'leftWithoutAnswer',
    of: 'callers',
    atLeast: 20,
    unit: 'callers left without an answer',
  },
}
