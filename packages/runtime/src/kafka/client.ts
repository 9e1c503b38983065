import { createRequire } from 'node:module'
import { Kafka, logLevel } from 'kafkajs'
import type { Log } from '../telemetry/logger.ts'
import { readRecordBatches } from './record-batches.ts'

const require = createRequire(import.meta.url)

const connectionTimeoutMs = 1_000
const requestTimeoutMs = 30_000

/**
 * One set of connections to Kafka, for one producer or one consumer. KafkaJS 2.2.4 is the newest
 * release and from 2023; each workaround is explained where it is (docs/decisions/0003).
 */
export function openKafka(clientId: string, brokers: string, retry: object, log: Log): Kafka {
  patchKafkajs()
  return new Kafka({
    clientId,
    brokers: brokers.split(','),
    connectionTimeout: connectionTimeoutMs,
    requestTimeout: requestTimeoutMs,
    retry,
    logLevel: logLevel.WARN,
    logCreator: () => entry => {
      const { message, error, groupId } = entry.log as Record<string, unknown>
      log.warn({ event: 'kafka.client', kafkaMessage: message, kafkaError: error, groupId })
    },
  })
}

type RequestQueue = {
  throttleCheckTimeoutId: NodeJS.Timeout | null
  pending: unknown[]
  throttledUntil: number
  checkPendingRequests: () => void
}

type AnswerDecoder = {
  readInt32: () => number
  canReadBytes: (length: number) => boolean
  readBytes: (length: number) => Buffer
}

type ConsumerGroup = { cluster: { getNodeIds: () => number[] }; lastNodeIds?: number[] }

let patched = false

/**
 * Applies three repairs, once:
 * - The request queue arms a timer for ever, with a negative delay that Node turns into 1 ms:
 *   some 900 wake-ups a second on an idle connection (tulios/kafkajs#1556). It is now armed only
 *   when something waits and no timer runs.
 * - A consumer that asks for the brokers in the moment in which none is known crashes with
 *   KafkaJSNoBrokerAvailableError and is away for seconds. The last list that was not empty is kept.
 * - A batch that the decoder of answers can't read ends the consumer, and so does its successor
 *   (tulios/kafkajs#1475). `readRecordBatches` takes the place of that decoder.
 */
function patchKafkajs(): void {
  if (patched) return
  patched = true
  const queue = require('kafkajs/src/network/requestQueue') as { prototype: object }
  const armDelayMs = 10
  Object.assign(queue.prototype, {
    scheduleCheckPendingRequests(this: RequestQueue) {
      if (this.throttleCheckTimeoutId || this.pending.length === 0) return
      const throttledMs = this.throttledUntil - Date.now()
      this.throttleCheckTimeoutId = setTimeout(
        () => {
          this.throttleCheckTimeoutId = null
          this.checkPendingRequests()
        },
        throttledMs > 0 ? throttledMs : armDelayMs,
      )
    },
  })
  const group = require('kafkajs/src/consumer/consumerGroup') as { prototype: object }
  Object.assign(group.prototype, {
    getNodeIds(this: ConsumerGroup) {
      const known = this.cluster.getNodeIds()
      if (known.length > 0) this.lastNodeIds = known
      return this.lastNodeIds ?? known
    },
  })
  replaceBatchDecoder()
}

const isOurs = Symbol.for('nightshift.kafka-record-batches')

/**
 * Other modules load the decoder by value when the first answer comes. So it is replaced in the cache
 * of modules, once per process, before anything has been fetched.
 */
function replaceBatchDecoder(): void {
  const fetch = 'kafkajs/src/protocol/requests/fetch'
  const path = require.resolve(`${fetch}/v4/decodeMessages`)
  if (isOurs in require(path)) return
  const original = require.cache[path]
  if (!original || require.cache[require.resolve(`${fetch}/v4/response`)]) {
    throw new Error('KafkaJS has fetched records before its decoder could be replaced')
  }
  const decodeMessages = async (decoder: AnswerDecoder) => {
    const length = decoder.readInt32()
    if (length <= 0 || !decoder.canReadBytes(length)) return []
    return readRecordBatches(decoder.readBytes(length))
  }
  original.exports = Object.assign(decodeMessages, { [isOurs]: true })
}
