import type { Evidence, HistoryLine, Rows, SourceName } from '../auditor/evidence.ts'
import type { PromiseCode } from '../auditor/verdict.ts'

/** One way to corrupt a recorded run, which the auditor must report. */
export type Corruption = {
  /** A sentence that says what is wrong in this run. */
  name: string
  broken: PromiseCode
  /** Promises that the same corruption breaks as well. No other promise may be reported. */
  alsoBroken?: PromiseCode[]
  corrupt: (evidence: Evidence) => void
}

/** The rows of a source. A test may change them. */
export function rows<Name extends SourceName>(evidence: Evidence, name: Name): Rows[Name][] {
  const source = evidence[name]
  if (source.state === 'missing') throw new Error(`${name} is missing: ${source.why}`)
  return source.rows as Rows[Name][]
}

/** @throws when no row matches: a corruption that changes nothing would prove nothing */
export function find<Row>(all: readonly Row[], matches: (row: Row) => boolean): Row {
  const found = all.find(matches)
  if (found === undefined) throw new Error('the recorded run has no such row')
  return found
}

export function remove<Row>(all: Row[], matches: (row: Row) => boolean): void {
  all.splice(all.indexOf(find(all, matches)), 1)
}

/** Everything that the sources have about one listing that was paid for and published. */
export function journeyOf(evidence: Evidence) {
  const answer = find(
    rows(evidence, 'history'),
    ({ op, type, res }) => op === 'publish' && type === 'ok' && res?.replayed === undefined,
  )
  const { publicationId, listingId, paymentId } = answer.res ?? {}
  return {
    answer,
    key: answer.key ?? '',
    publication: find(rows(evidence, 'publications'), row => row.publicationId === publicationId),
    listing: find(rows(evidence, 'listings'), row => row.listingId === listingId),
    payment: find(rows(evidence, 'payments'), row => row.paymentId === paymentId),
    capture: find(
      rows(evidence, 'provider'),
      row => row.type === 'intent.succeeded' && row.paymentId === paymentId,
    ),
    paymentRecord: recordOf(evidence, paymentId),
    listingRecord: recordOf(evidence, listingId),
    delivery: find(rows(evidence, 'deliveries'), row => row.listingId === listingId),
    mail: find(rows(evidence, 'mails'), row => row.listingId === listingId),
  }
}

/** A payment that a client made at payments, and the answer to it. */
export function directPaymentOf(evidence: Evidence) {
  const answer = find(
    rows(evidence, 'history'),
    ({ op, type, res }) => op === 'pay' && type === 'ok' && res?.replayed === undefined,
  )
  const payment = find(rows(evidence, 'payments'), row => row.paymentId === answer.res?.paymentId)
  return { answer, payment }
}

/** An answer that says that the card was declined. */
export function declinedOf(evidence: Evidence, op: 'publish' | 'pay'): HistoryLine {
  return find(rows(evidence, 'history'), line => line.op === op && line.res?.declined === true)
}

export function recordOf(evidence: Evidence, aggregateId: string | undefined) {
  const record = find(
    rows(evidence, 'records'),
    ({ event }) => event !== undefined && event.aggregateId === aggregateId,
  )
  const { event } = record
  if (!event) throw new Error('a record of an aggregate has an event')
  return { ...record, event }
}

/** Adds both lines of an attempt, after all others. */
export function addAttempt(
  evidence: Evidence,
  of: Pick<HistoryLine, 'op' | 'tenant' | 'key' | 'id' | 'req'>,
  end: Pick<HistoryLine, 'type' | 'status' | 'res'> | undefined,
  afterMs = 1_000,
): void {
  const history = rows(evidence, 'history')
  const last = Math.max(...history.map(({ t }) => t))
  const idx = Math.max(...history.map(line => line.idx)) + 1
  const { op, tenant, key, id, req } = of
  const asked = { op, tenant, req, ...(key ? { key } : {}), ...(id ? { id } : {}) }
  const line = { run: history[0]?.run ?? '', idx, proc: `${idx}`, ...asked }
  history.push({ ...line, type: 'invoke', t: last + afterMs })
  if (end) history.push({ ...line, t: last + afterMs + 10, ...end })
}

/** Appends a record to its partition, as the broker would. */
export function append(
  evidence: Evidence,
  record: Omit<Rows['records'], 'offset'>,
): Rows['records'] {
  const { topic, partition } = record
  const at = find(
    rows(evidence, 'partitions'),
    row => row.topic === topic && row.partition === partition,
  )
  const added = { ...record, offset: at.end }
  at.end += 1
  rows(evidence, 'records').push(added)
  return added
}

/** A dead letter for this record, on the topic of listings, which consumes payments. */
export function deadLetterFor(
  { topic, partition, offset, t }: Pick<Rows['records'], 'topic' | 'partition' | 'offset' | 't'>,
  reason: string,
): Omit<Rows['records'], 'offset'> {
  const deadLetter = { topic, partition, offset, reason }
  return { topic: 'listings.dead-letters.v1', partition: 0, t, deadLetter }
}

/** The next sequence number of a log. */
export function nextSeq(evidence: Evidence, log: 'provider' | 'mails'): number {
  return rows(evidence, log).length + 1
}

/** Adds a fault after everything else, and then attempts that are answered with these statuses in turn. */
export function answersAfterFault(
  evidence: Evidence,
  count: number,
  statuses: readonly number[],
): void {
  const { answer } = journeyOf(evidence)
  const t = Math.max(...rows(evidence, 'history').map(line => line.t))
  const fault = { t, kind: 'process', name: 'redis' }
  rows(evidence, 'faultLog').push({ ...fault, action: 'begin' }, { ...fault, action: 'end' })
  for (let attempt = 0; attempt < count; attempt += 1) {
    const status = statuses[attempt % statuses.length] ?? 0
    const isOk = status < 300
    addAttempt(evidence, answer, {
      type: isOk ? 'ok' : 'info',
      status,
      res: (isOk && answer.res) || {},
    })
  }
}

/** Records that a process was killed and came back. */
export function killProcess(evidence: Evidence, name: string, t: number): void {
  const death = { t, kind: 'process', name, signal: 'SIGKILL' }
  rows(evidence, 'faultLog').push({ ...death, action: 'begin' }, { ...death, action: 'end' })
}

/**
 * The first half of the events is forgotten, by the topics and later by the services.
 * @returns the last event that the topic still has
 */
export function forgetOldest(evidence: Evidence, topic: 'payments.v1' | 'listings.v1') {
  const forgotten = rows(evidence, 'partitions').flatMap(partition => {
    if (partition.topic !== topic) return []
    const records = rows(evidence, 'records').filter(
      record => record.topic === topic && record.partition === partition.partition,
    )
    const left = records.slice(Math.floor(records.length / 2))
    partition.start = left[0]?.offset ?? partition.start
    return records.slice(0, records.length - left.length)
  })
  for (const record of forgotten) {
    remove(rows(evidence, 'records'), row => row === record)
    const isOf = ({ eventId }: { eventId: string }) => eventId === record.event?.eventId
    for (const name of [
      'paymentOutbox',
      'listingOutbox',
      'listingInbox',
      'notificationInbox',
    ] as const) {
      const all: { eventId: string }[] = rows(evidence, name)
      if (all.some(isOf)) remove(all, isOf)
    }
    const deliveries = rows(evidence, 'deliveries')
    for (const row of deliveries.filter(
      ({ listingId }) => listingId === record.event?.aggregateId,
    )) {
      remove(deliveries, one => one === row)
    }
  }
  const last = rows(evidence, 'records').findLast(record => record.topic === topic)
  if (forgotten.length === 0 || last === undefined) throw new Error(`${topic} has too few events`)
  return last
}

/** The topics forget every event by its age. Dead letters and services remember for longer. */
export function pauseForAWeek(evidence: Evidence): void {
  collectAt(evidence, collectedAt(evidence) + 8 * 86_400_000)
  const events = new Set(['payments.v1', 'listings.v1'])
  for (const partition of rows(evidence, 'partitions')) {
    if (events.has(partition.topic)) partition.start = partition.end
  }
  const records = rows(evidence, 'records')
  const left = records.filter(({ topic }) => !events.has(topic))
  records.splice(0, records.length, ...left)
}

/** Moves the time of the collection. */
export function collectAt(evidence: Evidence, t: number): void {
  for (const rest of rows(evidence, 'quiescence')) rest.finishedAt = t
}

/** When the evidence was collected. */
export function collectedAt(evidence: Evidence): number {
  return find(rows(evidence, 'quiescence'), () => true).finishedAt
}
