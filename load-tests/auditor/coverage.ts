import type { Attempt } from './attempts.ts'
import { rowsOf } from './evidence.ts'
import type { Facts } from './facts.ts'
import { faultsOf } from './faults.ts'
import type { Intent } from './intents.ts'

/** Counts each kind of event, under the names that an experiment can require. */
export function sometimesOf(facts: Facts): Record<string, number> {
  const counts: Record<string, number> = {}
  const count = (name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by
  }
  for (const attempt of facts.attempts) countAttempt(attempt, count)
  for (const intent of facts.intents) countIntent(facts, intent, count)
  for (const { type, count: times = 1 } of rowsOf(facts.evidence.provider)) {
    count(`provider.${type.replace('intent.', '').replace('.', '_')}`, times)
  }
  for (const { kind, name, signal } of faultsOf(rowsOf(facts.evidence.faultLog)).begun) {
    count('fault')
    count(`fault.${kind}`)
    if (kind === 'process') count(`${interruptionBy(signal)}.${name}`)
  }
  for (const { status } of facts.payments) count(`payment.${status}`)
  for (const { status } of facts.refunds) count(`refund.${status}`)
  for (const { source } of facts.postings) {
    count('ledger.posting')
    count(`ledger.posting.${source}`)
  }
  for (const { status } of facts.listings) count(`listing.${status}`)
  for (const { status } of rowsOf(facts.evidence.deliveries)) count(`delivery.${status}`)
  for (const records of facts.eventsById.values()) {
    count('event')
    if (records.length > 1) count('event.duplicate', records.length - 1)
  }
  for (const { deadLetter } of facts.records) if (deadLetter) count('dead_letter')
  countMails(facts, count)
  return Object.fromEntries(Object.entries(counts).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** A signal crashes a process, pauses it, or stops it as a deployment does. */
function interruptionBy(signal: string | undefined): 'crash' | 'pause' | 'stop' {
  if (signal === 'SIGSTOP') return 'pause'
  return signal === 'SIGTERM' ? 'stop' : 'crash'
}

type Count = (name: string, by?: number) => void

function countAttempt({ op, outcome, status, res }: Attempt, count: Count): void {
  count('attempt')
  count(`attempt.${op}`)
  count(`attempt.${outcome}`)
  if (!status) count('attempt.lost')
  if (status === 202) count('attempt.pending')
  if (status === 429 || status === 503) count('attempt.refused')
  if (res.replayed) count('attempt.replayed')
  if (res.declined) count('attempt.declined')
}

function countIntent(facts: Facts, intent: Intent, count: Count): void {
  const { op, attempts, paymentIds, publicationIds, refundIds } = intent
  count('intent')
  if (attempts.length > 1) count('intent.retried')
  count('retry', attempts.length - 1)
  const open = attempts.filter(({ outcome }) => outcome === 'info').length
  if (open === 0) return
  const happened =
    op === 'refund'
      ? [...refundIds].some(id => facts.refundById.has(id))
      : facts.capturesOf(intent).length > 0 ||
        [...paymentIds].some(id => facts.paymentById.has(id)) ||
        [...publicationIds].some(id => facts.publicationById.has(id))
  count(happened ? 'info.happened' : 'info.did_not_happen', open)
}

function countMails({ evidence }: Facts, count: Count): void {
  const accepted = rowsOf(evidence.mails).filter(({ type }) => type === 'mail.accepted')
  const confirmations = accepted.filter(({ kind }) => kind === 'confirmation').length
  // Confirmations have a count of their own: `mail` must stay 0 in a run without alert mails.
  count('mail', accepted.length - confirmations)
  count('mail.confirmation', confirmations)
  const messages = new Set(accepted.map(({ messageId, seq }) => messageId ?? seq))
  count('mail.duplicate', accepted.length - messages.size)
}

const requirement = /^([a-z0-9_.-]+)(?:\s*>=\s*([0-9]+))?$/i

/**
 * The requirements that did not come true. Each has the form `name` or `name >= number`.
 * @throws when a requirement cannot be parsed, because it would never be checked then
 */
export function unmetOf(
  sometimes: Readonly<Record<string, number>>,
  requirements: readonly string[],
): string[] {
  return requirements.flatMap(text => {
    const [, name, least = '1'] = requirement.exec(text.trim()) ?? []
    if (name === undefined) throw new Error(`"${text}" is not of the form "name >= number"`)
    const times = sometimes[name] ?? 0
    return times >= Number(least) ? [] : [`${name} >= ${least}, and it was ${times}`]
  })
}
