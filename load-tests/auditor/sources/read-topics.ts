import { topics } from '@nightshift/contracts/topics'
import type { Consumer } from '@platformatic/kafka'
import type { PartitionRow, TopicRecord } from '../evidence.ts'
import {
  type KafkaSource,
  layoutOf,
  offsetsOf,
  openAdmin,
  openConsumer,
  type TopicLayout,
} from './kafka.ts'
import { type RawRecord, recordOf } from './topic-record.ts'

const fetchBytesMax = 4 * 1024 * 1024
const fetchWaitMs = 200

/**
 * Reads every topic of the system, dead letters included, from its first offset to where it ended
 * when the reading began. Fetches by offset and joins no group.
 * @throws when a partition does not come to that end in time
 */
export async function readTopics(
  kafka: KafkaSource,
  timeoutMs: number,
): Promise<{ partitions: PartitionRow[]; records: TopicRecord[] }> {
  const prefix = kafka.prefix ?? ''
  const deadline = Date.now() + timeoutMs
  const admin = openAdmin(kafka, timeoutMs)
  const consumer = openConsumer(kafka, timeoutMs)
  try {
    const layout = await layoutOf(
      admin,
      topics.map(({ name }) => prefix + name),
    )
    const partitions = await offsetsOf(admin, layout)
    const records: TopicRecord[] = []
    for (const partition of partitions) {
      const topic = layout.get(partition.topic)
      if (!topic) throw new Error(`there is no topic ${partition.topic}`)
      const raw = readPartition(consumer, topic, partition, deadline)
      for await (const one of raw) records.push(recordOf(one, partition, prefix))
    }
    const unprefixed = partitions.map(row => ({ ...row, topic: row.topic.slice(prefix.length) }))
    return { partitions: unprefixed, records }
  } finally {
    await Promise.allSettled([admin.close(), consumer.close(true)])
  }
}

async function* readPartition(
  consumer: Consumer,
  { id, leaders }: TopicLayout,
  { topic, partition, start, end }: PartitionRow,
  deadline: number,
): AsyncGenerator<RawRecord> {
  let next = start
  while (next < end) {
    if (Date.now() > deadline) {
      throw new Error(`${topic}/${partition} was read up to ${next} of ${end} when the time was up`)
    }
    const { responses } = await consumer.fetch({
      node: leaders[partition] ?? 0,
      minBytes: 1,
      maxBytes: fetchBytesMax,
      maxWaitTime: fetchWaitMs,
      topics: [{ topicId: id, partitions: [fetchFrom(partition, next)] }],
    })
    for (const batch of responses[0]?.partitions[0]?.records ?? []) {
      for (const { offsetDelta, timestampDelta, key, value } of batch.records) {
        const offset = Number(batch.firstOffset) + offsetDelta
        // A batch is sent whole: it may begin before what was asked for, and go on behind the end.
        if (offset < next || offset >= end) continue
        next = offset + 1
        yield { offset, t: Number(batch.firstTimestamp + timestampDelta), key, value }
      }
    }
  }
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
