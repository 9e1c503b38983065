import { rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { as, call, eventually, readProviderLog, setProviderFaults } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const concurrency = 3
/** Extra copies of each webhook. */
const duplicates = 2
/** The provider retries without a limit, and delays a shuffled webhook for two seconds. */
const deliveredMs = 30_000
const healthy = { webhookDuplicates: 0, webhookShuffle: false, webhookEarly: false }

/** Webhooks of the provider come twice, in another order, and before its answer. */
export const webhookHint: Experiment = {
  name: 'webhook-hint',
  title: 'Webhooks of the provider come twice, in another order, and before its answer',
  area: 'payments',
  pattern: 'webhook-hint',
  hypothesis: 'Each payment is posted once and keeps its final state, whatever webhooks come.',
  arms: { with: {}, naive: { payments: { PATTERN_WEBHOOK_HINT: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: async context => {
    const { client, size } = context
    const half = Math.ceil(size / 2)
    // A payment with an authorization and a capture has two webhooks, which can change places.
    await withWebhookFault(context, { webhookDuplicates: duplicates, webhookShuffle: true }, () =>
      runConcurrently(half, 1, () => authorizeAndCapture(context)),
    )
    await withWebhookFault(context, { webhookDuplicates: duplicates, webhookEarly: true }, () =>
      runConcurrently(size - half, concurrency, async () => {
        await client.pay('acme')
      }),
    )
  },
  sometimes: ['provider.webhook_sent >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const payments = rowsOf(evidence.payments)
    const postings = Map.groupBy(
      rowsOf(evidence.ledgerTransactions).filter(({ source }) => source === 'capture'),
      ({ paymentId }) => paymentId,
    )
    const captured = new Set(
      rowsOf(evidence.provider)
        .filter(({ type }) => type === 'intent.succeeded' || type === 'intent.captured')
        .map(({ paymentId }) => paymentId),
    )
    return {
      payments: payments.length,
      postedTooOften: [...postings.values()].filter(({ length }) => length > 1).length,
      goneBack: payments.filter(
        ({ paymentId, status }) => captured.has(paymentId) && status !== 'captured',
      ).length,
    }
  },
  shows: { figure: 'postedTooOften', of: 'payments', atLeast: 1, unit: 'payments posted twice' },
}

/** The fault ends when every webhook has been sent, because even the last may do harm. */
async function withWebhookFault(
  { system, recordFault }: ExperimentContext,
  settings: object,
  work: () => Promise<void>,
): Promise<void> {
  recordFault('setting', 'begin', 'card-provider/webhookDuplicates', settings)
  await setProviderFaults(system, settings)
  await work()
  await setProviderFaults(system, healthy)
  await eventually(
    'every webhook has been sent',
    async () => ((await countUndelivered(system)) === 0 ? true : undefined),
    deliveredMs,
  )
  recordFault('setting', 'end', 'card-provider/webhookDuplicates')
}

/** These requests are not in the history, because the experiment is not about answers to clients. */
async function authorizeAndCapture({ system }: ExperimentContext): Promise<void> {
  const url = `${system.urls.payments}/v1/payments`
  const body = {
    listingId: crypto.randomUUID(),
    publicationId: crypto.randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
    captureMethod: 'manual',
  }
  const headers = as(system, 'acme', `intent-${crypto.randomUUID()}`)
  const authorized = await call('POST', url, { headers, body })
  const captureUrl = `${url}/${authorized.json.paymentId}/capture`
  await call('POST', captureUrl, { headers: as(system, 'acme') })
}

/** How many operations of the provider have a webhook that was not sent yet. */
async function countUndelivered(system: TestSystem): Promise<number> {
  const lines = await readProviderLog(system)
  const ids = (isWanted: (type: string) => boolean) =>
    lines.flatMap(line => ('eventId' in line && isWanted(line.type) ? (line.eventId ?? []) : []))
  const sent = new Set(ids(type => type === 'webhook.sent'))
  return ids(type => !type.startsWith('webhook.')).filter(id => !sent.has(id)).length
}
