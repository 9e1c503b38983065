import type { Unfinished } from '../evidence.ts'
import {
  type KafkaSource,
  layoutOf,
  offsetsOf,
  openAdmin,
  openConsumer,
  openTransactionAt,
} from './kafka.ts'
import { readPartition } from './read-partition.ts'

/** Each consumer group is named after its service. */
const subscriptions = [
  { group: 'listings', topic: 'payments.v1' },
  { group: 'notifications', topic: 'listings.v1' },
]

/** Enough to count. A consumer may lag behind a whole storm, and this runs twice a second. */
const countMax = 1_000

/**
 * Finds the partitions whose consumer group has not come to the end. It counts records and not offsets:
 * the last offsets may have no record, and then no consumer commits them.
 */
export async function laggingConsumers(
  kafka: KafkaSource,
  timeoutMs: number,
): Promise<Unfinished[]> {
  const prefix = kafka.prefix ?? ''
  const deadline = Date.now() + timeoutMs
  const admin = openAdmin(kafka, timeoutMs)
  const consumer = openConsumer(kafka, timeoutMs)
  try {
    const layout = await layoutOf(
      admin,
      subscriptions.map(({ topic }) => prefix + topic),
    )
    const partitions = await offsetsOf(admin, layout)
    const committed = await committedOffsets(admin, prefix, layout)
    const lagging: Unfinished[] = []
    for (const { group, topic } of subscriptions) {
      for (const row of partitions.filter(row => row.topic === prefix + topic)) {
        // Expired records need no work any more. Without a commit the broker answers -1.
        const start = Math.max(row.start, committed.get(`${group}/${row.partition}`) ?? 0)
        const place = layout.get(row.topic)
        if (row.isOpen) {
          const unprefixed = { ...row, topic }
          lagging.push({ promise: 'L3', what: openTransactionAt(unprefixed), ids: [] })
        }
        if (start >= row.end || !place) continue
        const { records } = await readPartition(
          consumer,
          place,
          { ...row, start },
          deadline,
          countMax,
        )
        if (records.length === 0) continue
        const count = records.length < countMax ? records.length : `at least ${countMax}`
        const what = `${group} is ${count} behind on ${topic}/${row.partition}`
        lagging.push({ promise: 'L3', what, ids: [] })
      }
    }
    return lagging
  } finally {
    await Promise.allSettled([admin.close(), consumer.close(true)])
  }
}

async function committedOffsets(
  admin: ReturnType<typeof openAdmin>,
  prefix: string,
  layout: Awaited<ReturnType<typeof layoutOf>>,
): Promise<Map<string, number>> {
  const groups = subscriptions.map(({ group, topic }) => {
    const partitionIndexes = [...(layout.get(prefix + topic)?.leaders.keys() ?? [])]
    return { groupId: prefix + group, topics: [{ name: prefix + topic, partitionIndexes }] }
  })
  const answer = await admin.listConsumerGroupOffsets({ groups })
  return new Map(
    answer.flatMap(({ groupId, topics }) =>
      topics.flatMap(({ partitions }) =>
        partitions.map(({ partitionIndex, committedOffset }) => [
          `${groupId.slice(prefix.length)}/${partitionIndex}`,
          Number(committedOffset),
        ]),
      ),
    ),
  )
}
