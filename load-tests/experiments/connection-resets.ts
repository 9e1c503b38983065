import pMap from 'p-map'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileLinkIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countCharges, countDeclinedButCharged } from './charge-figures.ts'

/** The share of callers whose connection is reset. Far too few for the breaker to open. */
const resetShare = 0.3
const concurrency = 6

/**
 * Connections to the card provider are reset while it answers. A connection that a toxic spared once
 * is kept and used again, and soon all are such. So the callers come one after the other, and it is
 * drawn for each whether the connections are reset on which its payment is made.
 */
export const connectionResets: Experiment = {
  name: 'connection-resets',
  title: 'Three of ten connections to the card provider are reset as it answers',
  area: 'resilience',
  pattern: 'unknown-outcome',
  hypothesis: 'Nobody who was charged is told "declined", and nobody is charged twice.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  links: true,
  paysDirectly: true,
  size: { full: 100, short: 40 },
  method: async context => {
    const reset = { type: 'reset_peer', attributes: { timeout: 0 } } as const
    const callers: (() => Promise<unknown>)[] = []
    const pay = async () => {
      callers.push(await context.client.payAndLeave('acme'))
    }
    await runConcurrently(context.size, 1, async () => {
      if (context.random.chance() >= resetShare) return pay()
      await whileLinkIsFaulty(context, 'payments-provider', reset, pay)
    })
    await pMap(callers, comeBack => comeBack(), { concurrency })
  },
  sometimes: ['fault.toxic >= 1', 'attempt.replayed >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { chargedTooOften } = countCharges(evidence)
    return { ...countDeclinedButCharged(evidence), chargedTooOften }
  },
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}
