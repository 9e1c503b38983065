import { topics } from '@nightshift/contracts/topics'
import type { PartitionRow, TopicRecord } from '../evidence.ts'
import {
  type KafkaSource,
  layoutOf,
  offsetsOf,
  openAdmin,
  openConsumer,
  openTransactionAt,
} from './kafka.ts'
import { readPartition } from './read-partition.ts'
import { recordOf } from './topic-record.ts'

/**
 * Reads every topic of the system, dead letters included, from its first offset to where it ended
 * when the reading began, committed records only. Fetches by offset and joins no group.
 * @throws when a partition does not come to that end in time, or a transaction is open on it
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
    const partitions: PartitionRow[] = []
    const records: TopicRecord[] = []
    for (const { isOpen, ...partition } of await offsetsOf(admin, layout)) {
      const topic = layout.get(partition.topic)
      if (!topic) throw new Error(`there is no topic ${partition.topic}`)
      // To judge without the records behind it would be to call them lost.
      if (isOpen) throw new Error(openTransactionAt(partition))
      const read = await readPartition(consumer, topic, partition, deadline)
      for (const one of read.records) records.push(recordOf(one, partition, prefix))
      const { noRecords } = read
      partitions.push({ ...partition, topic: partition.topic.slice(prefix.length), noRecords })
    }
    return { partitions, records }
  } finally {
    await Promise.allSettled([admin.close(), consumer.close(true)])
  }
}
