import { rowsOf } from '../auditor/evidence.ts'
import { call, eventually } from '../harness/test-client.ts'
import { runIntents } from '../reporting/measure.ts'
import type { Experiment, Lab } from '../runner/experiment.ts'

const concurrency = 6
/** The card is charged 5 s after it was asked for. */
const executedMs = 30_000
const logPageMax = 1_000

/** The provider is asked and does not answer; it knows of no such charge, and then it charges. */
export const lateExecution: Experiment = {
  name: 'late-execution',
  title: 'The provider charges late; without: "not found, so it failed"',
  area: 'payments',
  pattern: 'unknown-outcome',
  hypothesis: 'Nobody who will be charged is told "declined", however late that is.',
  arms: { with: {}, naive: { payments: { PATTERN_UNKNOWN_OUTCOME: 'not-found-is-failed' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  paysDirectly: true,
  size: { full: 24, short: 6 },
  method: async ({ system, client, noteFault, size }) => {
    noteFault('card', 'begin', 'pm_card_late')
    await runIntents(size, concurrency, async () => {
      await client.pay('acme', 'pm_card_late')
    })
    await eventually(
      'every late request has come to something',
      async () => ((await lateRequests(system)) === 0 ? true : undefined),
      executedMs,
    )
    noteFault('card', 'end', 'pm_card_late')
  },
  sometimes: ['provider.request_delayed >= 1', 'attempt.pay >= 1'],
  figures: evidence => {
    const charged = new Set(
      rowsOf(evidence.provider)
        .filter(({ type }) => type === 'intent.succeeded')
        .map(({ publicationId }) => publicationId),
    )
    const lines = rowsOf(evidence.history).filter(({ op }) => op === 'pay')
    const wishOf = ({ req }: (typeof lines)[number]) => String(req['publicationId'])
    const declined = new Set(lines.filter(({ res }) => res?.declined).map(wishOf))
    return {
      intents: new Set(lines.map(wishOf)).size,
      toldDeclinedButCharged: [...declined].filter(wish => charged.has(wish)).length,
    }
  },
  shows: {
    figure: 'toldDeclinedButCharged',
    of: 'intents',
    atLeast: 1,
    unit: 'told "declined", and charged',
  },
}

/** How many were taken in and have neither been executed nor dropped. */
async function lateRequests({ urls }: Lab['system']): Promise<number> {
  const { json } = await call('GET', `${urls.cardProvider}/log?limit=${logPageMax}`)
  const lines: { type: string; late?: boolean }[] = json.lines
  const delayed = lines.filter(({ type }) => type === 'request.delayed').length
  return delayed - lines.filter(({ late }) => late).length
}
