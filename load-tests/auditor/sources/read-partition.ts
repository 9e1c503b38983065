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
  /** Ordered by offset. */
  records: RawRecord[]
  /** The number of offsets without a record: transaction markers, and records of aborted transactions. */
  noRecords: number
}

/**
 * Reads the committed records. Records of aborted transactions are left out, because no service sees
 * them (librdkafka#3917). Every transaction before `end` must have ended. The marker behind a record
 * decides whether it was committed. The list of aborted transactions in the answer cannot decide it,
 * because the client keeps only one transaction per producer of that list.
 * @param recordsMax stops early, for a caller that only asks whether there are records
 * @throws when the end is not reached in time
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
      // The broker sends whole batches: one may begin before `next`, and go on behind the end.
      const records = recordsOf(batch).filter(({ offset }) => offset >= next && offset < end)
      if (batch.attributes & isControl) decide(batch, undecided, read, records.length)
      else if (batch.attributes & isTransactional) append(undecided, batch.producerId, records)
      else for (const record of records) read.records.push(record)
      next = Math.max(next, Number(batch.firstOffset) + batch.lastOffsetDelta + 1)
    }
  }
  // Records of a transaction are added only at its marker, after later records.
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

/** A marker decides whether all records of its producer since the last marker were committed. */
function decide(
  { producerId, records }: Batch,
  undecided: Map<bigint, RawRecord[]>,
  read: PartitionRead,
  markers: number,
): void {
  const decided = undecided.get(producerId) ?? []
  undecided.delete(producerId)
  read.noRecords += markers
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
