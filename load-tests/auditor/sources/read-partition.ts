import type { Consumer } from '@platformatic/kafka'
import type { PartitionRow } from '../evidence.ts'
import type { TopicLayout } from './kafka.ts'
import type { RawRecord } from './topic-record.ts'

const fetchBytesMax = 4 * 1024 * 1024
const fetchWaitMs = 200
const isControl = 0x20
const isTransactional = 0x10
const isCommit = 1

export type PartitionRead = {
  /** In the order of their offsets. */
  records: RawRecord[]
  /** How many offsets hold no record: the marks at the end of transactions, and what was aborted. */
  noRecords: number
}

/**
 * Reads what a consumer of committed records would be given: what a transaction has aborted was never
 * said, and the services do not see it either (librdkafka#3917). `end` must be an end of committed
 * records, so that every transaction before it is over. Whether a record counts is decided by the
 * mark behind it, and not by the list in the answer: the client keeps one transaction of each
 * producer of that list.
 * @param recordsMax stops after so many, for a caller who only wants to know that there are some
 * @throws when it does not come to the end in time
 */
export async function readPartition(
  consumer: Consumer,
  { id, leaders }: TopicLayout,
  { topic, partition, start, end }: PartitionRow,
  deadline: number,
  recordsMax = Number.POSITIVE_INFINITY,
): Promise<PartitionRead> {
  const read: PartitionRead = { records: [], noRecords: 0 }
  const undecided = new Map<bigint, RawRecord[]>()
  let next = start
  while (next < end && read.records.length < recordsMax) {
    if (Date.now() > deadline) {
      throw new Error(`${topic}/${partition} was read up to ${next} of ${end} when the time was up`)
    }
    const { responses } = await consumer.fetch({
      node: leaders[partition] ?? 0,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      maxWaitTime: fetchWaitMs,
      isolationLevel: readUncommitted,
      topics: [{ topicId: id, partitions: [fetchFrom(partition, next)] }],
    })
    for (const batch of responses[0]?.partitions[0]?.records ?? []) {
      // A batch is sent whole: it may begin before what was asked for, and go on behind the end.
      const records = recordsOf(batch).filter(({ offset }) => offset >= next && offset < end)
      if (batch.attributes & isControl) decide(batch, undecided, read, records.length)
      else if (batch.attributes & isTransactional) append(undecided, batch.producerId, records)
      else for (const record of records) read.records.push(record)
      next = Math.max(next, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
    }
  }
  // A transaction is known to be committed later than what came after its records.
  read.records.sort((a, b) => a.offset - b.offset)
  return read
}

const readUncommitted = 0

type Batch = NonNullable<
  Awaited<ReturnType<Consumer['fetch']>>['responses'][number]['partitions'][number]['records']
>[number]

function recordsOf({ firstOffset, firstTimestamp, records }: Batch): RawRecord[] {
  return records.map(({ offsetDelta, timestampDelta, key, value }) => {
    const offset = Number(firstOffset) + offsetDelta
    return { offset, t: Number(firstTimestamp + timestampDelta), key, value }
  })
}

/** A mark says of all records of its producer since the last one whether they were committed. */
function decide(
  { producerId, records }: Batch,
  undecided: Map<bigint, RawRecord[]>,
  read: PartitionRead,
  marks: number,
): void {
  const decided = undecided.get(producerId) ?? []
  undecided.delete(producerId)
  read.noRecords += marks
  const isCommitted = records[0]?.key?.readInt16BE(2) === isCommit
  if (!isCommitted) read.noRecords += decided.length
  else for (const record of decided) read.records.push(record)
}

function append(undecided: Map<bigint, RawRecord[]>, producerId: bigint, records: RawRecord[]) {
  const before = undecided.get(producerId)
  if (!before) undecided.set(producerId, records)
  else for (const record of records) before.push(record)
}

function fetchFrom(partition: number, offset: number) {
  return {
    partition,
    fetchOffset: BigInt(offset),
    currentLeaderEpoch: -1,
    lastFetchedEpoch: -1,
    partitionMaxBytes: fetchBytesMax,
  }
}
