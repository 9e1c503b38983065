import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { openFillers, startSearchFlood } from '../harness/search-flood.ts'
import type { Experiment } from '../runner/experiment.ts'

/** Without a flood it is about a tenth of a second from paying to going live. */
const lateMs = 500

/** Strangers search all the time, and employers publish. */
export const searchFlood: Experiment = {
  name: 'search-flood',
  title: 'Strangers flood the public search while employers publish',
  area: 'resilience',
  pattern: 'bulkhead',
  hypothesis: 'What an employer has paid for goes live in time, however many strangers search.',
  arms: { with: {}, naive: { listings: { PATTERN_BULKHEAD: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  breaksNoPromise: true,
  size: { full: 20, short: 8 },
  method: async ({ system, client, recordFault, size }) => {
    await using listings = await openFillers(system)
    recordFault('flood', 'begin', 'search')
    const flood = await startSearchFlood(system)
    for (let published = 0; published < size; published += 1) {
      await client.publish('acme', await client.draft('acme'))
    }
    await flood.stop()
    recordFault('flood', 'end', 'search')
    await listings.remove()
  },
  sometimes: ['fault.flood >= 1', 'attempt.publish >= 1', 'payment.captured >= 1'],
  figures: evidence => {
    const waits = waitsUntilLive(evidence)
    return {
      publications: waits.length,
      late: waits.filter(waitMs => waitMs > lateMs).length,
      medianMs: Math.round(waits.toSorted((a, b) => a - b)[Math.floor(waits.length / 2)] ?? 0),
    }
  },
  shows: {
    figure: 'late',
    of: 'publications',
    atLeast: 4,
    unit: `paid publications not live within ${lateMs} ms`,
  },
}

/** From the request of an employer until the listing was live; for ever if it never was. */
function waitsUntilLive({ history, listings, faultLog }: Evidence): number[] {
  const endedAt = rowsOf(faultLog).find(({ action }) => action === 'end')?.t ?? 0
  const liveAt = new Map(rowsOf(listings).map(row => [row.listingId, row.publishedAt]))
  return rowsOf(history).flatMap(({ op, type, id, t }) =>
    op === 'publish' && type === 'invoke' && id !== undefined && t < endedAt
      ? [(liveAt.get(id) ?? Number.POSITIVE_INFINITY) - t]
      : [],
  )
}
