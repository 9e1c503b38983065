import { topics } from '@nightshift/contracts/topics'
import { openKafka } from '@nightshift/runtime/kafka/client'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import type { TestSystem } from './test-system.ts'

const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 }

/** Writes a record that no consumer can apply into every partition of a topic. */
export async function poisonTopic(
  { brokers, prefix }: Pick<TestSystem, 'brokers' | 'prefix'>,
  topic: 'payments.v1' | 'listings.v1',
): Promise<void> {
  const log = openLog('poison')
  log.setLevel('silent')
  const { partitions = 0 } = topics.find(({ name }) => name === topic) ?? {}
  const producer = openKafka('poison', brokers, retry, log).producer({
    allowAutoTopicCreation: false,
  })
  await producer.connect()
  await producer.send({
    topic: prefix + topic,
    messages: Array.from({ length: partitions }, (_unused, partition) => ({
      partition,
      key: 'poison',
      value: 'this is no event',
    })),
  })
  await producer.disconnect()
}
