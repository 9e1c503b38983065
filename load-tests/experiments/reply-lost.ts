import { rowsOf } from '../auditor/evidence.ts'
import { whileSilent } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 6
/** Of the charges while the setting is turned. */
const silenceRate = 0.7

/** The provider charges the card, and its answer never arrives. */
export const replyLost: Experiment = {
  name: 'reply-lost',
  title: 'The provider charges, and its answer never arrives',
  area: 'payments',
  pattern: 'unknown-outcome',
  hypothesis: 'Nobody who was charged is told "declined", and no payment stays pending.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: lab =>
    whileSilent(lab, 'after', silenceRate, () =>
      runIntents(lab.size, concurrency, async () => {
        await lab.client.pay('acme')
      }),
    ),
  sometimes: ['provider.reply_withheld >= 1', 'attempt.pay >= 1'],
  figures: evidence => {
    const provider = rowsOf(evidence.provider)
    const charged = new Set(
      provider.filter(line => line.type === 'intent.succeeded').map(line => line.publicationId),
    )
    const lines = rowsOf(evidence.history).filter(line => line.op === 'pay')
    const wishOf = (line: { req: Record<string, unknown> }) => String(line.req['publicationId'])
    const intents = new Set(lines.map(wishOf)).size
    const refused = new Set(lines.filter(line => line.res?.declined).map(wishOf))
    const lied = [...refused].filter(publicationId => charged.has(publicationId)).length
    const pending = rowsOf(evidence.payments).filter(payment => payment.status === 'pending').length
    return { intents, toldDeclinedButCharged: lied, pendingForEver: pending }
  },
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}
