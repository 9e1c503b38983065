import { segmentMs, topics } from '@nightshift/contracts/topics'
import { openKafka } from '@nightshift/runtime/kafka/client'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { Admin, Kafka } from 'kafkajs'
import { waitUntil } from '../wait-until.ts'

const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 10 }
const requestTimeoutMs = 15_000
const leadersMs = 15_000
const goneMs = 15_000

/** Creates the missing topics under a prefix, and answers how many were missing. */
export async function prepareTopics(brokers: string, prefix = ''): Promise<number> {
  return withAdmin(brokers, async admin => {
    const present = new Set(await admin.listTopics())
    const missing = topics
      .filter(topic => !present.has(prefix + topic.name))
      .map(({ name, partitions, retentionMs, retentionBytes }) => ({
        topic: prefix + name,
        numPartitions: partitions,
        replicationFactor: 1,
        configEntries: [
          { name: 'retention.ms', value: String(retentionMs) },
          { name: 'retention.bytes', value: String(retentionBytes) },
          { name: 'segment.ms', value: String(segmentMs) },
        ],
      }))
    if (missing.length === 0) return 0
    await admin.createTopics({ topics: missing, waitForLeaders: false, timeout: requestTimeoutMs })
    await waitForLeaders(
      admin,
      missing.map(({ topic }) => topic),
    )
    return missing.length
  })
}

/**
 * Waits until every partition can be written. KafkaJS waits for leaders too, but gives up when the
 * broker does not know a topic yet, as happens when two clients create topics at the same time. And
 * the metadata name a leader a moment before the broker acts as one, and refuses records until then.
 * Only the leader answers a question for offsets.
 */
async function waitForLeaders(admin: Admin, names: string[]): Promise<void> {
  let failure: unknown
  const isReady = await waitUntil(async () => {
    try {
      const { topics: known } = await admin.fetchTopicMetadata({ topics: names })
      const hasLeader = known.every(({ partitions }) =>
        partitions.every(({ leader }) => leader >= 0),
      )
      if (hasLeader) await Promise.all(names.map(name => admin.fetchTopicOffsets(name)))
      return hasLeader
    } catch (error) {
      failure = error // the deadline decides
      return false
    }
  }, leadersMs)
  if (!isReady) throw new Error('the topics have no leaders', { cause: failure })
}

/** Deletes the topics under a prefix. An empty prefix is refused: it would delete all topics. */
export async function deleteTopics(brokers: string, prefix: string): Promise<void> {
  if (prefix === '') throw new Error('topics are only deleted under a prefix')
  await withAdmin(brokers, async admin => {
    const list = async () => (await admin.listTopics()).filter(name => name.startsWith(prefix))
    const ours = await list()
    if (ours.length === 0) return
    await admin.deleteTopics({ topics: ours, timeout: requestTimeoutMs })
    // The broker answers before its own metadata is updated, and still names the topics until then.
    const areGone = await waitUntil(async () => (await list()).length === 0, goneMs)
    if (!areGone) throw new Error('the topics are still there')
  })
}

async function withAdmin<T>(
  brokers: string,
  work: (admin: ReturnType<Kafka['admin']>) => Promise<T>,
): Promise<T> {
  const kafka = openKafka('nightshift-local', brokers, retry, silence)
  const admin = kafka.admin()
  await admin.connect()
  try {
    return await work(admin)
  } finally {
    await admin.disconnect()
  }
}

/** A final error is thrown, and the attempts before it need no log. */
const silence: Log = {
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  setLevel: () => undefined,
  flush: () => Promise.resolve(),
}
