import { rowsOf, type SourceName, sourceNames } from './evidence.ts'
import type { Facts } from './facts.ts'
import { faultsOf } from './faults.ts'

/**
 * Why nobody can say that all is well, even if nothing was found broken: a witness is absent, has
 * nothing to say, contradicts itself, or was cut short. None of these is a violation.
 * @param mayBeEmpty what the caller knows to have nothing to say, for example a run without faults
 */
export function doubtsOf(facts: Facts, mayBeEmpty: readonly SourceName[]): string[] {
  return [
    ...silentSources(facts, mayBeEmpty),
    ...facts.historyProblems.map(problem => `history: ${problem}`),
    ...cutLogs(facts),
    ...cutTopics(facts),
    ...restlessness(facts),
    ...unattributable(facts),
    ...faultsOf(rowsOf(facts.evidence.faultLog)).open.map(fault => `fault ${fault} never ended`),
  ]
}

/**
 * Many a run asks for no refund. Where one was asked for or given, its absence here is a broken promise
 * and no doubt: the clients, the provider and the ledger tell of each too.
 */
const judgedWhenEmpty: SourceName = 'refunds'

function silentSources({ evidence }: Facts, mayBeEmpty: readonly SourceName[]): string[] {
  return sourceNames.flatMap(name => {
    const source = evidence[name]
    if (source === undefined) return [`${name} is missing`]
    if (source.state === 'missing') return [`${name} is missing: ${source.why}`]
    const isJudged = name === judgedWhenEmpty || mayBeEmpty.includes(name)
    const empty = source.rows.length === 0 && !isJudged
    return [...(empty ? [`${name} is empty`] : []), ...source.problems]
  })
}

/** Both logs count their lines, so a line that was taken out leaves a gap. */
function cutLogs({ evidence }: Facts): string[] {
  const logs = { provider: rowsOf(evidence.provider), mails: rowsOf(evidence.mails) }
  return Object.entries(logs).flatMap(([name, lines]) => {
    const numbers = new Set(lines.map(({ seq }) => seq))
    const last = lines.reduce((highest, { seq }) => Math.max(highest, seq), 0)
    return numbers.size === last
      ? []
      : [`${name}: ${last - numbers.size} of ${last} lines are gone`]
  })
}

/** Each partition must have come whole: from offset 0 to where it ended. */
function cutTopics({ evidence, records }: Facts): string[] {
  const read = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`)
  return rowsOf(evidence.partitions).flatMap(({ topic, partition, start, end, noRecords = 0 }) => {
    const place = `${topic}/${partition}`
    const offsets = new Set(read.get(place)?.map(({ offset }) => offset))
    if (start > 0) return [`${place}: the records before offset ${start} are gone`]
    const records = end - noRecords
    return offsets.size === records
      ? []
      : [`${place}: ${offsets.size} of ${records} records were read`]
  })
}

function restlessness({ evidence }: Facts): string[] {
  return rowsOf(evidence.quiescence).flatMap(({ unasked }) =>
    unasked.map(what => `whether the system was at rest could not be asked: ${what}`),
  )
}

/** Somebody was told "paid", and nothing tells what was paid for. */
function unattributable({ intents, attempts }: Facts): string[] {
  const keys = intents
    .filter(({ attempts }) => attempts.some(({ outcome }) => outcome === 'ok'))
    .filter(
      ({ op, paymentIds, publicationIds, refundIds }) =>
        (op === 'refund' ? refundIds : paymentIds.union(publicationIds)).size === 0,
    )
    .map(({ key }) => `key ${key} was answered without an id`)
  const drafts = attempts
    .filter(({ op, outcome, res }) => op === 'draft' && outcome === 'ok' && !res.listingId)
    .map(({ proc, idx }) => `a draft of client ${proc} (attempt ${idx}) was answered without an id`)
  return [...keys, ...drafts]
}
