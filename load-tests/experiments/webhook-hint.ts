import { rowsOf } from '../auditor/evidence.ts'
import { as, call, dialProvider, eventually } from '../harness/test-client.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const concurrency = 3
/** Of each callback, besides the one that is needed. */
const duplicates = 2
/** The provider tries again for as long as it takes, and holds a single one back for two seconds. */
const toldMs = 30_000
const truthPageMax = 1_000

/** The provider calls back twice, in another order, and before it has answered. */
export const callbacks: Experiment = {
  name: 'callbacks',
  title: 'Callbacks of the provider come twice, in another order, and before its answer',
  area: 'payments',
  pattern: 'callback-hint',
  hypothesis:
    'Each payment is posted once and stays what it has become, whatever is called about it.',
  arms: { with: {}, naive: { payments: { PATTERN_WEBHOOK_HINT: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 30, short: 8 },
  method: async lab => {
    const { system, client, noteFault, size } = lab
    const half = Math.ceil(size / 2)
    const turn = async (dials: object, work: () => Promise<void>) => {
      noteFault('dial', 'begin', 'card-provider/callbackDuplicates', dials)
      await dialProvider(system, dials)
      await work()
      await dialProvider(system, atRest)
      await eventually(
        'every callback has been sent',
        async () => ((await callbacksOwed(system)) === 0 ? true : undefined),
        toldMs,
      )
      noteFault('dial', 'end', 'card-provider/callbackDuplicates')
    }
    // Of money that is first held and then taken there are two, and they can change places.
    await turn({ callbackDuplicates: duplicates, callbackShuffle: true }, () =>
      runIntents(half, 1, () => holdAndCapture(lab)),
    )
    await turn({ callbackDuplicates: duplicates, callbackEarly: true }, () =>
      runIntents(size - half, concurrency, async () => {
        await client.pay('acme')
      }),
    )
  },
  sometimes: ['provider.callback_sent >= 1', 'payment.captured >= 1'],
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

const atRest = { callbackDuplicates: 0, callbackShuffle: false, callbackEarly: false }

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
async function callbacksOwed({ urls }: Lab['system']): Promise<number> {
  const { json } = await call('GET', `${urls.cardProvider}/truth?limit=${truthPageMax}`)
  const lines: { type: string; eventId?: string }[] = json.lines
  const sent = lines.filter(({ type }) => type === 'callback.sent').map(({ eventId }) => eventId)
  const acts = lines.filter(({ type, eventId }) => eventId && !type.startsWith('callback.'))
  return acts.filter(({ eventId }) => !sent.includes(eventId)).length
}
