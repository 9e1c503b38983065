import type { Evidence, HistoryLine, Rows, SourceName } from '../auditor/evidence.ts'

/** The rows of a source, to be changed. */
export function rows<Name extends SourceName>(evidence: Evidence, name: Name): Rows[Name][] {
  const source = evidence[name]
  if (source.state === 'missing') throw new Error(`${name} is missing: ${source.why}`)
  return source.rows as Rows[Name][]
}

/** @throws when there is none: a corruption that changes nothing would prove nothing */
export function find<Row>(all: readonly Row[], matches: (row: Row) => boolean): Row {
  const found = all.find(matches)
  if (found === undefined) throw new Error('the recorded run has nothing of the kind')
  return found
}

export function remove<Row>(all: Row[], matches: (row: Row) => boolean): void {
  all.splice(all.indexOf(find(all, matches)), 1)
}

/** Everything about one listing that was paid for and published, as each witness has it. */
export function journeyOf(evidence: Evidence) {
  const told = find(
    rows(evidence, 'history'),
    ({ op, type, res }) => op === 'publish' && type === 'ok' && res?.replayed === undefined,
  )
  const { publicationId, listingId, paymentId } = told.res ?? {}
  return {
    told,
    key: told.key ?? '',
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

/** A payment that a client made itself, and the answer that it got. */
export function directPaymentOf(evidence: Evidence) {
  const told = find(
    rows(evidence, 'history'),
    ({ op, type, res }) => op === 'pay' && type === 'ok' && res?.replayed === undefined,
  )
  const payment = find(rows(evidence, 'payments'), row => row.paymentId === told.res?.paymentId)
  return { told, payment }
}

/** A client that was told that its card was declined. */
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

/** One more attempt of a client, after all others: both of its lines. */
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

/** Puts a record at the end of a partition, as the broker would. */
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

/** A dead letter of this record, on the topic of listings, which reads payments. */
export function letterAbout(
  { topic, partition, offset, t }: Pick<Rows['records'], 'topic' | 'partition' | 'offset' | 't'>,
  reason: string,
): Omit<Rows['records'], 'offset'> {
  const deadLetter = { topic, partition, offset, reason }
  return { topic: 'listings.dead-letters.v1', partition: 0, t, deadLetter }
}

/** The next number of a log that counts its lines. */
export function nextSeq(evidence: Evidence, log: 'provider' | 'mails'): number {
  return rows(evidence, log).length + 1
}

/** A fault begins and ends after everything else, and then a client is told these statuses in turn. */
export function answersAfterFault(
  evidence: Evidence,
  count: number,
  statuses: readonly number[],
): void {
  const { told } = journeyOf(evidence)
  const t = Math.max(...rows(evidence, 'history').map(line => line.t))
  const fault = { t, kind: 'process', name: 'redis' }
  rows(evidence, 'faultLog').push({ ...fault, action: 'begin' }, { ...fault, action: 'end' })
  for (let attempt = 0; attempt < count; attempt += 1) {
    const status = statuses[attempt % statuses.length] ?? 0
    const isOk = status < 300
    addAttempt(evidence, told, {
      type: isOk ? 'ok' : 'info',
      status,
      res: (isOk && told.res) || {},
    })
  }
}

/** A process is killed and comes back. */
export function strike(evidence: Evidence, name: string, t: number): void {
  const death = { t, kind: 'process', name, signal: 'SIGKILL' }
  rows(evidence, 'faultLog').push({ ...death, action: 'begin' }, { ...death, action: 'end' })
}
