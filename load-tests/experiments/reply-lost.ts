import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'
import { countDeclinedButCharged } from './charge-figures.ts'

const concurrency = 6
/** The share of charges whose answer is lost. */
const silenceRate = 0.7

/** The provider charges the card, and its answer never arrives. */
export const replyLost: Experiment = {
  name: 'reply-lost',
  title: 'The provider charges, and its answer never arrives',
  area: 'payments',
  pattern: 'unknown-outcome',
  hypothesis: 'No client that was charged is told "declined", and no payment stays pending.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: context =>
    whileSilent(context, 'after', silenceRate, () =>
      runConcurrently(context.size, concurrency, async () => {
        await context.client.pay('acme')
      }),
    ),
  sometimes: ['provider.reply_withheld >= 1', 'attempt.pay >= 1'],
  figures: evidence => ({
    ...countDeclinedButCharged(evidence),
    pendingForEver: rowsOf(evidence.payments).filter(({ status }) => status === 'pending').length,
  }),
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}
