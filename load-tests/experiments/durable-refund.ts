import { rowsOf } from '../auditor/evidence.ts'
import { whileSilent } from '../harness/with-provider-faults.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 4
/** Of the refunds while the setting is turned. */
const silenceRate = 0.7

/** The provider gives the money back, or does not, and its answer never arrives. */
export const durableRefund: Experiment = {
  name: 'durable-refund',
  title: 'A refund is asked for, and the answer of the provider is lost',
  area: 'payments',
  pattern: 'durable-refund',
  hypothesis: 'What is owed back is paid once, and every refund that was made is known here.',
  arms: { with: {}, naive: { payments: { PATTERN_DURABLE_REFUND: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 16, short: 10 },
  method: async lab => {
    const { client, size } = lab
    const payments: string[] = []
    await runIntents(size, concurrency, async () => {
      const { told } = await client.pay('acme')
      payments.push(told.json['paymentId'] ?? '')
    })
    const half = Math.ceil(size / 2)
    const refundAll = (some: readonly string[]) =>
      runIntents(some.length, concurrency, async number => {
        await client.refund('acme', some[number] ?? '')
      })
    for (const [silence, some] of [
      ['after', payments.slice(0, half)],
      ['before', payments.slice(half)],
    ] as const) {
      await whileSilent(lab, silence, silenceRate, () => refundAll(some))
    }
  },
  sometimes: ['provider.reply_withheld >= 1', 'provider.refund_succeeded >= 1'],
  figures: evidence => {
    const asked = new Set(
      rowsOf(evidence.history)
        .filter(({ op }) => op === 'refund')
        .map(({ id }) => id),
    )
    const known = new Set(
      rowsOf(evidence.refunds)
        .filter(({ status }) => status === 'succeeded')
        .map(({ refundId }) => refundId),
    )
    const made = rowsOf(evidence.provider).filter(({ type }) => type === 'refund.succeeded')
    const paidBack = new Set(made.map(({ paymentId }) => paymentId))
    return {
      refunds: asked.size,
      paidAndUnknown: made.filter(({ refundId = '' }) => !known.has(refundId)).length,
      neverPaid: [...asked].filter(paymentId => !paidBack.has(paymentId)).length,
    }
  },
  shows: {
    figure: 'paidAndUnknown',
    of: 'refunds',
    atLeast: 1,
    unit: 'paid back, and unknown here',
  },
}
