import type { Unfinished } from '../evidence.ts'
import { type KafkaSource, layoutOf, offsetsOf, openAdmin } from './kafka.ts'

/** Who reads what; a consumer group is named after its service. */
const readers = [
  { group: 'listings', topic: 'payments.v1' },
  { group: 'notifications', topic: 'listings.v1' },
]

/** The partitions whose consumer has not yet come to the end. */
export async function laggingConsumers(
  kafka: KafkaSource,
  timeoutMs: number,
): Promise<Unfinished[]> {
  const prefix = kafka.prefix ?? ''
  const admin = openAdmin(kafka, timeoutMs)
  try {
    const layout = await layoutOf(
      admin,
      readers.map(({ topic }) => prefix + topic),
    )
    const partitions = await offsetsOf(admin, layout)
    const committed = await committedOffsets(admin, prefix, layout)
    return readers.flatMap(({ group, topic }) =>
      partitions
        .filter(row => row.topic === prefix + topic && row.end > row.start)
        .map(({ partition, end }) => {
          const behind = end - Math.max(0, committed.get(`${group}/${partition}`) ?? 0)
          return { behind, what: `${group} is ${behind} behind on ${topic}/${partition}` }
        })
        .filter(({ behind }) => behind > 0)
        .map(({ what }) => ({ invariant: 'L3' as const, what, ids: [] })),
    )
  } finally {
    await admin.close()
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
