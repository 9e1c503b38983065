import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { whileSilent } from '../harness/while-faulty.ts'
import type { Experiment } from '../runner/experiment.ts'

const concurrency = 4
/** The share of refunds whose answer is lost. */
const silenceRate = 0.7

/** The provider makes the refund, or does not, and in both cases its answer never arrives. */
export const durableRefund: Experiment = {
  name: 'durable-refund',
  title: 'A refund is asked for, and the answer of the provider is lost',
  area: 'payments',
  pattern: 'durable-refund',
  hypothesis: 'Each requested refund is made once, and our tables know every refund that was made.',
  arms: { with: {}, naive: { payments: { PATTERN_DURABLE_REFUND: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 16, short: 10 },
  method: async context => {
    const { client, size } = context
    const payments: string[] = []
    await runConcurrently(size, concurrency, async () => {
      const { answer } = await client.pay('acme')
      payments.push(answer.json['paymentId'] ?? '')
    })
    const half = Math.ceil(size / 2)
    const refundAll = (some: readonly string[]) =>
      runConcurrently(some.length, concurrency, async number => {
        await client.refund('acme', some[number] ?? '')
      })
    await whileSilent(context, 'after', silenceRate, () => refundAll(payments.slice(0, half)))
    await whileSilent(context, 'before', silenceRate, () => refundAll(payments.slice(half)))
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
    const refunded = new Set(made.map(({ paymentId }) => paymentId))
    return {
      refunds: asked.size,
      paidAndUnknown: made.filter(({ refundId = '' }) => !known.has(refundId)).length,
      neverPaid: [...asked].filter(paymentId => !refunded.has(paymentId)).length,
    }
  },
  shows: {
    figure: 'paidAndUnknown',
    of: 'refunds',
    atLeast: 1,
    unit: 'paid back, and unknown here',
  },
}
