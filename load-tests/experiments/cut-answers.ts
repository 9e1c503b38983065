import pMap from 'p-map'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileLinkIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { callersIn } from './caller-figures.ts'
import { countCharges, countDeclinedButCharged } from './charge-figures.ts'

const callersPerSecond = 5
const concurrency = 6
/**
 * An answer to a charge has about 3,100 bytes. So a connection carries two of them, and is closed in
 * the body of the third. Too few are cut for the breaker to open.
 */
const cut = { type: 'limit_data', attributes: { bytes: 8_000 } } as const
/** About 310 pieces of an answer, which come within 160 ms. */
const sliced = {
  type: 'slicer',
  attributes: { average_size: 10, size_variation: 5, delay: 500 },
} as const

/**
 * First the provider's answers break off in the middle of their JSON. Then they come whole, in pieces
 * of ten bytes: whoever took a piece for an answer would call that one broken, too.
 */
export const cutAnswers: Experiment = {
  name: 'cut-answers',
  title: 'Answers of the card provider break off, or come in pieces',
  area: 'resilience',
  pattern: 'unknown-outcome',
  hypothesis: 'Half an answer concludes nothing, and an answer in pieces is as good as any other.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  links: true,
  paysDirectly: true,
  size: { full: 60, short: 24 },
  method: async context => {
    const pay = () => context.client.payAndLeave('acme')
    const callers: (() => Promise<unknown>)[] = []
    for (const toxic of [cut, sliced]) {
      await whileLinkIsFaulty(context, 'payments-provider', toxic, async () => {
        callers.push(...(await atRate(pay, context.size / 2, callersPerSecond)))
      })
    }
    await pMap(callers, comeBack => comeBack(), { concurrency })
  },
  sometimes: ['fault.toxic >= 2', 'attempt.replayed >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { chargedTooOften } = countCharges(evidence)
    return { ...countDeclinedButCharged(evidence), chargedTooOften, ...countAnswers(evidence) }
  },
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}

/** How many callers were told an internal error, and how many were not paid at once though sliced. */
function countAnswers(evidence: Evidence) {
  const callers = callersIn(evidence)
  const slicer = rowsOf(evidence.faultLog).filter(({ name }) => name.includes('slicer'))
  const [begunAt = 0, endedAt = 0] = slicer.map(({ t }) => t)
  const whileSliced = callers.filter(({ askedAt }) => askedAt >= begunAt && askedAt < endedAt)
  return {
    told500: callers.filter(({ status }) => status === 500).length,
    notPaidInPieces: whileSliced.filter(({ status }) => status !== 201).length,
  }
}
