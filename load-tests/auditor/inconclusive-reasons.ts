import { measureRecovery } from './checks/recovery.ts'
import { rowsOf, type SourceName, sourceNames } from './evidence.ts'
import type { Facts } from './facts.ts'
import { faultsOf } from './faults.ts'
import { isForgottenEarly } from './oldest-kept.ts'

/**
 * The reasons why the verdict cannot be `true` even if no promise was found broken: a source is
 * missing, empty, contradictory or cut short. None of them is a violation.
 * @param mayBeEmpty sources that the caller expects to be empty
 */
export function inconclusiveReasons(facts: Facts, mayBeEmpty: readonly SourceName[]): string[] {
  return [
    ...unusableSources(facts, mayBeEmpty),
    ...facts.historyProblems.map(problem => `history: ${problem}`),
    ...logsWithGaps(facts),
    ...topicsWithGaps(facts),
    ...unaskedAboutRest(facts),
    ...answersWithoutId(facts),
    ...faultsOf(rowsOf(facts.evidence.faultLog)).open.map(fault => `fault ${fault} never ended`),
    ...(measureRecovery(facts).kind === 'unseen'
      ? ['L5: too few clients asked after the last fault to see a recovery']
      : []),
  ]
}

/**
 * Many runs have no refund. An empty table needs no excuse, because the clients, the provider and the
 * ledger report each refund too: a missing row is a broken promise and not an inconclusive run.
 */
const judgedWhenEmpty: SourceName = 'refunds'

function unusableSources({ evidence }: Facts, mayBeEmpty: readonly SourceName[]): string[] {
  return sourceNames.flatMap(name => {
    const source = evidence[name]
    if (source === undefined) return [`${name} is missing`]
    if (source.state === 'missing') return [`${name} is missing: ${source.why}`]
    const isExcused = name === judgedWhenEmpty || mayBeEmpty.includes(name)
    const isEmpty = source.rows.length === 0 && !isExcused
    return [...(isEmpty ? [`${name} is empty`] : []), ...source.problems]
  })
}

/** Both logs number their lines, so a line that was removed leaves a gap. */
function logsWithGaps({ evidence }: Facts): string[] {
  const logs = { provider: rowsOf(evidence.provider), mails: rowsOf(evidence.mails) }
  return Object.entries(logs).flatMap(([name, lines]) => {
    const numbers = new Set(lines.map(({ seq }) => seq))
    const last = lines.reduce((highest, { seq }) => Math.max(highest, seq), 0)
    if (numbers.size === last) return []
    return [`${name}: ${last - numbers.size} of ${last} lines are gone`]
  })
}

/**
 * A partition is read as a whole. It begins at offset 0 until its oldest records are a week old; when
 * they are gone earlier, the topic was too small or somebody has deleted them.
 */
function topicsWithGaps({ evidence, records }: Facts): string[] {
  const read = Map.groupBy(records, ({ topic, partition }) => `${topic}/${partition}`)
  return rowsOf(evidence.partitions).flatMap(({ topic, partition, start, end, noRecords = 0 }) => {
    const place = `${topic}/${partition}`
    const offsets = new Set(read.get(place)?.map(({ offset }) => offset))
    if (start > 0 && isForgottenEarly(evidence, topic)) {
      return [`${place}: the records before offset ${start} are gone before their time`]
    }
    const expected = end - start - noRecords
    if (offsets.size === expected) return []
    return [`${place}: ${offsets.size} of ${expected} records were read`]
  })
}

function unaskedAboutRest({ evidence }: Facts): string[] {
  return rowsOf(evidence.quiescence).flatMap(({ unasked }) =>
    unasked.map(what => `whether the system was at rest could not be asked: ${what}`),
  )
}

/** A positive answer without an id cannot be connected with what it acknowledged. */
function answersWithoutId({ intents, attempts }: Facts): string[] {
  const keys = intents
    .filter(intent => intent.attempts.some(({ outcome }) => outcome === 'ok'))
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
