import { Admin, Consumer, FetchIsolationLevels, ListOffsetTimestamps } from '@platformatic/kafka'
import type { PartitionRow } from '../evidence.ts'

/** Topics and groups have the prefix before their names, so that several systems can share a broker. */
export type KafkaSource = { brokers: string; prefix?: string }

export type TopicLayout = { id: string; leaders: number[] }

/** A consumer that joins no group: it leaves no offsets behind, and no group rebalances for it. */
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

/** Finds the leader of each partition. @throws when a topic does not exist */
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

/** `isOpen`: a transaction is open at the end, and the records behind it cannot be read yet. */
export type PartitionOffsets = PartitionRow & { isOpen: boolean }

/** The range of committed records in each partition at this moment. */
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
  // The order matters: a record that is written in between must not look like an open transaction.
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
  return `a transaction is open on ${topic}/${partition} from offset ${end}: the records behind it cannot be read yet`
}
