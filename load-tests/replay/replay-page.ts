import { isCapture } from '../auditor/facts.ts'
import { escapeMarkup } from '../reporting/svg.ts'
import type { RecordedPayment } from './recorded-payment.ts'
import type { Replay, ReplayArm } from './run-replay.ts'
import { sequenceDiagram, timeText } from './sequence-diagram.ts'
import { notSent, type Step, startOf, stepsOf } from './steps.ts'

const arms = ['naive', 'with'] as const satisfies readonly ReplayArm[]
const armTitles = { naive: 'Without the pattern', with: 'With the pattern' } as const
const shortHashLength = 7

/** What was counted for one payment, each number from the log or table of its owner. */
export function countsOf({ rows, spans }: RecordedPayment) {
  const requests = rows.history.filter(({ type }) => type === 'invoke')
  const unanswered = rows.history.filter(({ type, status }) => type !== 'invoke' && !status)
  const calls = spans.filter(
    ({ peer, outcome = '' }) => peer === 'card-provider' && !notSent.has(outcome),
  )
  const charges = rows.provider.filter(isCapture)
  return {
    'requests of the client': requests.length,
    'requests without an answer': unanswered.length,
    'calls to the provider, as traced': calls.length,
    'charges of the card': charges.length,
    'charges in the ledger': rows.ledgerTransactions.filter(({ source }) => source === 'capture')
      .length,
    'events in Kafka': rows.records.filter(({ event }) => event !== undefined).length,
    'mails accepted': rows.mails.filter(({ type }) => type === 'mail.accepted').length,
  }
}

/** Both payments as one picture. */
export function replayPicture(replay: Replay): string {
  return sequenceDiagram(
    `One payment without and one with the pattern: ${replay.title}`,
    arms.map(arm => ({
      heading: `${armTitles[arm]}: ${switchesText(replay.arms[arm].switches)}`,
      steps: stepsOf(replay.arms[arm].payment),
    })),
  )
}

/** The page around the picture: what was run, what was counted, and every step in words. */
export function replayPage(replay: Replay): string {
  const { name, title, hypothesis, command, commit, date } = replay
  const counts = arms.map(arm => countsOf(replay.arms[arm].payment))
  const rows = Object.keys(counts[0] ?? {}).map(what => {
    const cells = counts.map(count => `<td>${count[what as keyof typeof count]}</td>`)
    return `<tr><th scope="row">${what}</th>${cells.join('')}</tr>`
  })
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeMarkup(title)}</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">
<style>body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;padding:0 1em;max-width:1180px}
img{width:100%}th{text-align:left;font-weight:normal;padding-right:2em}td{text-align:right;padding-left:2em}</style></head><body>
<h1>${escapeMarkup(title)}</h1>
<p>To be disproved: ${escapeMarkup(hypothesis)}</p>
<p>Recorded by <code>${escapeMarkup(command)}</code> at ${commit.slice(0, shortHashLength)} on ${date.slice(0, 10)}.
How often this happens is in <a href="../../load-tests/results/${name}.json">the result</a>; how to read the picture is on <a href="README.md">the page of all replays</a>.</p>
<table><thead><tr><td></td>${arms.map(arm => `<td>${armTitles[arm].toLowerCase()}</td>`).join('')}</tr></thead>
<tbody>${rows.join('\n')}</tbody></table>
<p>The whole round: ${replay.arms.naive.shown} ${escapeMarkup(replay.unit)} without the pattern, ${replay.arms.with.shown} with it.</p>
${arms.map(arm => `<p>${chosenText(replay.arms[arm].payment, arm)}</p>`).join('\n')}
<p><img src="${name}.svg" alt="The steps of both payments; they are in words below."></p>
${arms.map(arm => stepList(armTitles[arm], stepsOf(replay.arms[arm].payment))).join('\n')}
</body></html>
`
}

function chosenText({ outOf, broken }: RecordedPayment, arm: ReplayArm): string {
  const which = `${armTitles[arm]}: the one of ${outOf} that had most to do with the fault.`
  const promises = broken.map(({ promise, message }) => escapeMarkup(`${promise}: ${message}`))
  return [which, ...promises.map(each => `Broken, ${each}.`)].join(' ')
}

function switchesText(switches: object): string {
  const set = Object.entries(switches).flatMap(([service, env]) =>
    Object.entries(env as Record<string, string>).map(
      ([name, value]) => `${service} ${name}=${value}`,
    ),
  )
  return set.length > 0 ? set.join(', ') : 'as it is'
}

function stepList(title: string, steps: readonly Step[]): string {
  const startMs = startOf(steps)
  const items = steps.map(({ t, from, to, text }) => {
    const who = to ? `${from} to ${to}` : from
    return `<li>${timeText(t - startMs)} ${who}: ${escapeMarkup(text)}</li>`
  })
  return `<details><summary>${title}, in words</summary><ol>${items.join('\n')}</ol></details>`
}
