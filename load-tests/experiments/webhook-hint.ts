import { rowsOf } from '../auditor/evidence.ts'
import { as, call, eventually, setProviderFaults } from '../harness/test-client.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const concurrency = 3
/** Of each webhook, besides the one that is needed. */
const duplicates = 2
/** The provider tries again for as long as it takes, and holds a single one back for two seconds. */
const toldMs = 30_000
const logPageMax = 1_000

/** The provider calls back twice, in another order, and before it has answered. */
export const webhookHint: Experiment = {
  name: 'webhook-hint',
  title: 'Webhooks of the provider come twice, in another order, and before its answer',
  area: 'payments',
  pattern: 'webhook-hint',
  hypothesis:
    'Each payment is posted once and stays what it has become, whatever is called about it.',
  arms: { with: {}, naive: { payments: { PATTERN_WEBHOOK_HINT: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: async lab => {
    const { system, client, noteFault, size } = lab
    const half = Math.ceil(size / 2)
    const turn = async (settings: object, work: () => Promise<void>) => {
      noteFault('setting', 'begin', 'card-provider/webhookDuplicates', settings)
      await setProviderFaults(system, settings)
      await work()
      await setProviderFaults(system, atRest)
      await eventually(
        'every webhook has been sent',
        async () => ((await undeliveredWebhooks(system)) === 0 ? true : undefined),
        toldMs,
      )
      noteFault('setting', 'end', 'card-provider/webhookDuplicates')
    }
    // Of money that is first held and then taken there are two, and they can change places.
    await turn({ webhookDuplicates: duplicates, webhookShuffle: true }, () =>
      runIntents(half, 1, () => holdAndCapture(lab)),
    )
    await turn({ webhookDuplicates: duplicates, webhookEarly: true }, () =>
      runIntents(size - half, concurrency, async () => {
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
    const taken = new Set(
      rowsOf(evidence.provider)
        .filter(({ type }) => type === 'intent.succeeded' || type === 'intent.captured')
        .map(({ paymentId }) => paymentId),
    )
    return {
      payments: payments.length,
      postedTooOften: [...postings.values()].filter(({ length }) => length > 1).length,
      goneBack: payments.filter(
        ({ paymentId, status }) => taken.has(paymentId) && status !== 'captured',
      ).length,
    }
  },
  shows: { figure: 'postedTooOften', of: 'payments', atLeast: 1, unit: 'payments posted twice' },
}

const atRest = { webhookDuplicates: 0, webhookShuffle: false, webhookEarly: false }

/** Not in the history: what is told about held money is another matter. */
async function holdAndCapture({ system }: Lab): Promise<void> {
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
  const held = await call('POST', url, { headers, body })
  await call('POST', `${url}/${held.json.paymentId}/capture`, { headers: as(system, 'acme') })
}

/** How many acts of the provider it has told nobody of. */
async function undeliveredWebhooks({ urls }: Lab['system']): Promise<number> {
  const { json } = await call('GET', `${urls.cardProvider}/log?limit=${logPageMax}`)
  const lines: { type: string; eventId?: string }[] = json.lines
  const sent = lines.filter(({ type }) => type === 'webhook.sent').map(({ eventId }) => eventId)
  const acts = lines.filter(({ type, eventId }) => eventId && !type.startsWith('webhook.'))
  return acts.filter(({ eventId }) => !sent.includes(eventId)).length
}
