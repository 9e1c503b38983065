import pMap from 'p-map'
import { rowsOf } from '../auditor/evidence.ts'
import { atRate } from '../harness/recording-client.ts'
import { whileLinkIsFaulty } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countCharges, countToldDeclined } from './charge-figures.ts'

const callersPerSecond = 8
const concurrency = 6

/**
 * The network takes every request to the card provider and loses it. Seen from payments this is the
 * same silence as a lost answer, but no card was charged. When the network works again, the callers
 * come back under their keys, and the job asks for those that are late.
 */
export const requestLost: Experiment = {
  name: 'request-lost',
  title: 'The request to the card provider is lost on its way',
  area: 'resilience',
  pattern: 'unknown-outcome',
  hypothesis: 'No good card is refused because a request was lost, and each is charged once.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  links: true,
  paysDirectly: true,
  breaksNoPromise: true,
  size: { full: 48, short: 24 },
  method: async context => {
    const lost = { type: 'timeout', stream: 'upstream', attributes: { timeout: 0 } } as const
    // Without the pattern nothing else may be paid: the breaker is still open when the fault ends.
    await context.client.publish('acme', await context.client.draft('acme'))
    let callers: (() => Promise<unknown>)[] = []
    await whileLinkIsFaulty(context, 'payments-provider', lost, async () => {
      const pay = () => context.client.payAndLeave('acme')
      callers = await atRate(pay, context.size, callersPerSecond)
    })
    await pMap(callers, comeBack => comeBack(), { concurrency })
  },
  sometimes: ['fault.toxic >= 1', 'intent.retried >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const { charges, chargedTooOften } = countCharges(evidence)
    const pending = rowsOf(evidence.payments).filter(({ status }) => status === 'pending')
    return {
      ...countToldDeclined(evidence),
      charges,
      chargedTooOften,
      pendingForEver: pending.length,
    }
  },
  shows: {
    figure: 'toldDeclined',
    of: 'intents',
    atLeast: 10,
    unit: 'told "declined", with a good card',
  },
}
