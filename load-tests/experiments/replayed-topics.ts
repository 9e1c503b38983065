import { openKafka } from '@nightshift/runtime/kafka/client'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { as, call, eventually } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const concurrency = 3
const liveMs = 20_000
const retry = { initialRetryTime: 50, maxRetryTime: 500, retries: 10 }
/** Each service with the topic that it consumes. */
const consumers = [
  { service: 'listings', topic: 'payments.v1' },
  { service: 'notifications', topic: 'listings.v1' },
] as const

/**
 * Every event is delivered a second time, because the offsets of the consumers were lost. The naive arm
 * is judged by its dead letters alone: the auditor sees in the inbox what was applied, and finds none.
 */
export const replayedTopics: Experiment = {
  name: 'replayed-topics',
  title: 'Every event is delivered again, because the offsets were lost',
  area: 'resilience',
  pattern: 'inbox',
  hypothesis: 'An event that is delivered again changes nothing, and no person has to look at it.',
  arms: {
    with: {},
    naive: {
      listings: { PATTERN_INBOX: 'naive' },
      notifications: { PATTERN_INBOX: 'naive' },
    },
  },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  size: { full: 40, short: 8 },
  method: async context => {
    const { client, system, size } = context
    const listingIds: string[] = []
    await runConcurrently(size, concurrency, async () => {
      const listingId = await client.draft('acme')
      await client.publish('acme', listingId)
      listingIds.push(listingId)
    })
    for (const listingId of listingIds) await awaitLive(system, listingId)
    await replayAll(context)
  },
  sometimes: ['fault.offsets >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: countEffects,
  shows: {
    figure: 'deadLetters',
    of: 'events',
    atLeast: 1,
    unit: 'good events put aside for a person',
  },
}

function awaitLive(system: TestSystem, listingId: string): Promise<unknown> {
  const url = `${system.urls.listings}/v1/listings/${listingId}`
  return eventually(
    `listing ${listingId} is live`,
    async () => {
      const { json } = await call('GET', url, { headers: as(system, 'acme') })
      return json.status === 'live' ? true : undefined
    },
    liveMs,
  )
}

/** Sets each consumer back to the begin of its topic, which Kafka allows only while it is away. */
async function replayAll({ system, recordFault }: ExperimentContext): Promise<void> {
  const log = openLog('replay')
  log.setLevel('silent')
  const admin = openKafka('replay', system.brokers, retry, log).admin()
  await admin.connect()
  for (const { service, topic } of consumers) {
    recordFault('offsets', 'begin', topic)
    await system.stop(service)
    await admin.resetOffsets({
      groupId: system.prefix + service,
      topic: system.prefix + topic,
      earliest: true,
    })
    await system.start(service)
    await system.waitReady(service)
    recordFault('offsets', 'end', topic)
  }
  await admin.disconnect()
}

/** What came of the events of both topics: dead letters, mails, and copies of mails. */
function countEffects({ records, mails, publications }: Evidence) {
  const all = rowsOf(records)
  const sent = rowsOf(mails).filter(({ type, kind }) => type === 'mail.accepted' && !kind)
  return {
    events: all.filter(({ event }) => event !== undefined).length,
    deadLetters: all.filter(({ deadLetter }) => deadLetter !== undefined).length,
    live: rowsOf(publications).filter(({ status }) => status === 'published').length,
    mails: sent.length,
    mailsRepeated: sent.length - new Set(sent.map(({ messageId }) => messageId)).size,
  }
}
