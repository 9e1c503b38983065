import { Admin, Consumer, FetchIsolationLevels, ListOffsetTimestamps } from '@platformatic/kafka'
import type { PartitionRow } from '../evidence.ts'

/** `prefix` is put before the names of topics and groups, so that systems share a broker. */
export type KafkaSource = { brokers: string; prefix?: string }

export type TopicLayout = { id: string; leaders: number[] }

/** A reader that is in no group, so that nothing of it stays behind and nobody has to wait for it. */
export function openConsumer(kafka: KafkaSource, timeoutMs: number): Consumer {
  return new Consumer({ ...clientOptions(kafka, timeoutMs), groupId: 'auditor-joins-no-group' })
}

export function openAdmin(kafka: KafkaSource, timeoutMs: number): Admin {
  return new Admin(clientOptions(kafka, timeoutMs))
}

const retries = 3
const retryDelayMs = 200
const connectTimeoutMs = 5_000

function clientOptions({ brokers }: KafkaSource, timeoutMs: number) {
  return {
    clientId: 'auditor',
    bootstrapBrokers: brokers.split(','),
    connectTimeout: Math.min(connectTimeoutMs, timeoutMs),
    requestTimeout: timeoutMs,
    retries,
    retryDelay: retryDelayMs,
  }
}

/** Where each partition of the topics is. @throws when one of them does not exist */
export async function layoutOf(
  admin: Admin,
  topics: readonly string[],
): Promise<Map<string, TopicLayout>> {
  const metadata = await admin.metadata({ topics: [...topics], autocreateTopics: false })
  return new Map(
    topics.map(topic => {
      const found = metadata.topics.get(topic)
      if (!found) throw new Error(`there is no topic ${topic}`)
      return [topic, { id: found.id, leaders: found.partitions.map(({ leader }) => leader) }]
    }),
  )
}

/** A partition, and whether a transaction is open at its end: what is behind that can't be read yet. */
export type PartitionOffsets = PartitionRow & { isOpen: boolean }

/** From where to where the committed records of each partition go now. */
export async function offsetsOf(
  admin: Admin,
  layout: ReadonlyMap<string, TopicLayout>,
): Promise<PartitionOffsets[]> {
  const at = async (timestamp: bigint, isolationLevel: 0 | 1) => {
    const topics = [...layout].map(([name, { leaders }]) => ({
      name,
      partitions: leaders.map((_, partitionIndex) => ({ partitionIndex, timestamp })),
    }))
    const answer = await admin.listOffsets({ topics, isolationLevel })
    return new Map(
      answer.flatMap(({ name, partitions }) =>
        partitions.map(({ partitionIndex, offset }) => [`${name}/${partitionIndex}`, offset]),
      ),
    )
  }
  const { READ_COMMITTED, READ_UNCOMMITTED } = FetchIsolationLevels
  const starts = await at(ListOffsetTimestamps.EARLIEST, READ_COMMITTED)
  // In this order: what is written in between must not look like an open transaction.
  const written = await at(ListOffsetTimestamps.LATEST, READ_UNCOMMITTED)
  const ends = await at(ListOffsetTimestamps.LATEST, READ_COMMITTED)
  return [...layout].flatMap(([topic, { leaders }]) =>
    leaders.map((_, partition) => {
      const place = `${topic}/${partition}`
      const [start, end, last] = [starts.get(place), ends.get(place), written.get(place)]
      if (start === undefined || end === undefined || last === undefined) {
        throw new Error(`no offsets of ${place}`)
      }
      return { topic, partition, start: Number(start), end: Number(end), isOpen: end < last }
    }),
  )
}

export function openTransactionAt({ topic, partition, end }: PartitionRow): string {
  return `a transaction is open on ${topic}/${partition} from offset ${end}: what is behind it can not be read yet`
}
