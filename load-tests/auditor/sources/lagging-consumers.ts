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

/** Who reads what; a consumer group is named after its service. */
const readers = [
  { group: 'listings', topic: 'payments.v1' },
  { group: 'notifications', topic: 'listings.v1' },
]

/** A consumer may be behind by a whole storm, and this is asked twice a second. */
const countMax = 1_000

/**
 * The partitions whose consumer has not yet come to the end. What counts is records: behind the last
 * record may be offsets without one, which no consumer commits.
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
      readers.map(({ topic }) => prefix + topic),
    )
    const partitions = await offsetsOf(admin, layout)
    const committed = await committedOffsets(admin, prefix, layout)
    const lagging: Unfinished[] = []
    for (const { group, topic } of readers) {
      for (const row of partitions.filter(row => row.topic === prefix + topic)) {
        // What has expired is no work any more. Without a commit the broker says -1.
        const start = Math.max(row.start, committed.get(`${group}/${row.partition}`) ?? 0)
        const place = layout.get(row.topic)
        if (row.isOpen) {
          const unprefixed = { ...row, topic }
          lagging.push({ invariant: 'L3', what: openTransactionAt(unprefixed), ids: [] })
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
        lagging.push({ invariant: 'L3', what, ids: [] })
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
  const groups = readers.map(({ group, topic }) => {
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
