import { atRate } from '../harness/recording-client.ts'
import { whileLinkIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn, firstPaidAfter, lengthOfFault, p99WaitMs } from './caller-figures.ts'

const callersPerSecond = 5
/** Five seconds of callers who come when the database answers again. */
const callersAfterReturn = 25
/**
 * They would answer many callers before these reach the database. Here only the waits are to make the
 * difference.
 */
const others = { PATTERN_BOUNDED_BACKLOG: 'naive' }

/**
 * Every connection between payments and PostgreSQL stands, takes what is written, and brings no
 * answer. So it is after a firewall has forgotten its connections: no error tells anyone.
 */
export const halfOpenDatabase: Experiment = {
  name: 'half-open-database',
  title: 'The connections to the database stand, and bring no answers',
  area: 'resilience',
  pattern: 'timeout-hierarchy',
  hypothesis: 'A caller who waits five seconds is told to come back, and then is soon served.',
  arms: {
    with: { payments: others },
    naive: { payments: { ...others, PATTERN_TIMEOUT_HIERARCHY: 'naive' } },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  links: true,
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 100, short: 50 },
  method: async context => {
    const callers = (count: number) =>
      atRate(() => context.client.payAndLeave('acme'), count, callersPerSecond)
    const silent = { type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } } as const
    await whileLinkIsFaulty(context, 'payments-postgres', silent, () => callers(context.size))
    await callers(callersAfterReturn)
  },
  sometimes: ['fault.toxic >= 1', 'attempt.pay >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const silentMs = lengthOfFault(evidence)
    const callers = callersIn(evidence)
    const whileSilent = callers.filter(({ sinceFaultMs }) => sinceFaultMs < silentMs)
    return {
      callers: whileSilent.length,
      leftWithoutAnswer: whileSilent.filter(({ status }) => status === 0).length,
      toldToComeBack: whileSilent.filter(({ status }) => status === 503).length,
      /** A caller that left counts with its whole wait: its answer would have come later. */
      answerP99Ms: p99WaitMs(whileSilent),
      firstPaidAfterMs: firstPaidAfter(silentMs, callers),
    }
  },
  shows: {
    figure: 'leftWithoutAnswer',
    of: 'callers',
    atLeast: 20,
    unit: 'callers left without an answer',
  },
}
