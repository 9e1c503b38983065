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
 * Reads the committed records of every topic, dead letters included, up to the end that each partition
 * had at the beginning. It fetches by offset and joins no group.
 * @throws when that end is not reached in time, or a transaction is open on a partition
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
      // Without the records behind the open transaction, they would be reported as lost.
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
