import { waitUntil } from '@nightshift/local/wait-until'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { poisonTopic } from '../harness/poison-topic.ts'
import { runConcurrently } from '../harness/run-concurrently.ts'
import { as, call } from '../harness/test-client.ts'
import type { Experiment, ExperimentContext } from '../runner/experiment.ts'

const topic = 'payments.v1'
const concurrency = 3
/** How long an event may take to be applied. Without the fault it is a fraction of a second. */
const appliedMs = 10_000

/** A record that can't be applied lies in every partition, before the events of good payments. */
export const poisonRecord: Experiment = {
  name: 'poison-record',
  title: 'A record that can not be applied lies before good ones',
  area: 'messaging',
  pattern: 'dead-letters',
  hypothesis: 'One bad record is put aside, and every good event behind it is applied.',
  arms: { with: {}, naive: { listings: { PATTERN_DEAD_LETTERS: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  size: { full: 20, short: 6 },
  method: async ({ system, client, recordFault, size }) => {
    recordFault('producer', 'begin', topic)
    await poisonTopic(system, topic)
    recordFault('producer', 'end', topic)
    const listingIds: string[] = []
    await runConcurrently(size, concurrency, async () => {
      const listingId = await client.draft('acme')
      await client.publish('acme', listingId)
      listingIds.push(listingId)
    })
    await waitUntil(() => areLive(system, listingIds), appliedMs)
  },
  sometimes: ['fault.producer >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const waits = waitsOfEvents(evidence)
    const late = waits.filter(waitMs => waitMs > appliedMs).length
    return { events: waits.length, appliedInTime: waits.length - late, notAppliedInTime: late }
  },
  shows: {
    figure: 'notAppliedInTime',
    of: 'events',
    atLeast: 1,
    unit: 'good events not applied within 10 s',
  },
}

async function areLive(
  system: ExperimentContext['system'],
  listingIds: readonly string[],
): Promise<boolean> {
  const headers = as(system, 'acme')
  for (const listingId of listingIds) {
    const { json } = await call('GET', `${system.urls.listings}/v1/listings/${listingId}`, {
      headers,
    })
    if (json.status !== 'live') return false
  }
  return true
}

/** How long each event of a payment waited for listings to apply it; for ever if it never was. */
function waitsOfEvents({ records, listingInbox }: Evidence): number[] {
  const appliedAt = new Map(rowsOf(listingInbox).map(row => [row.eventId, row.appliedAt]))
  return rowsOf(records).flatMap(record =>
    record.topic === topic && record.event
      ? [(appliedAt.get(record.event.eventId) ?? Number.POSITIVE_INFINITY) - record.t]
      : [],
  )
}
