import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import { call } from '../harness/test-client.ts'
import type { TestSystem } from '../harness/test-system.ts'
import type { Experiment } from '../runner/experiment.ts'

/** Enough listings that a search without results takes the database some 50 ms. */
const fillers = 30_000
const searchers = 64
/** Without a flood it is about a tenth of a second from paying to going live. */
const lateMs = 500

/** Strangers search all the time, and employers publish. */
export const searchFlood: Experiment = {
  name: 'search-flood',
  title: 'Strangers flood the public search while employers publish',
  area: 'messaging',
  pattern: 'bulkhead',
  hypothesis: 'What an employer has paid for goes live in time, however many strangers search.',
  arms: { with: {}, naive: { listings: { PATTERN_BULKHEAD: 'naive' } } },
  run: ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
  breaksNoPromise: true,
  size: { full: 20, short: 8 },
  method: async ({ system, client, recordFault, size }) => {
    await using database = await openFillers(system)
    recordFault('flood', 'begin', 'search', { searchers })
    const flood = startFlood(system)
    await flood.hasBegun
    for (let published = 0; published < size; published += 1) {
      await client.publish('acme', await client.draft('acme'))
    }
    await flood.stop()
    recordFault('flood', 'end', 'search')
    await database.removeFillers()
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

/** Live listings of nobody, so that each search has something to read. */
async function openFillers(system: TestSystem) {
  const tenantId = randomUUID()
  const client = new pg.Client({ connectionString: system.databaseUrl('listings') })
  await client.connect()
  await client.query(
    `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
       salary_min_eur, salary_max_eur, status, published_at, search)
     SELECT gen_random_uuid(), $1, 'Engineer', 'Acme', 'Keeps it up.', 'europe', 'senior', 50000,
       60000, 'live', now() - n * interval '1 second',
       array_to_tsvector(ARRAY['engin'] || ARRAY(
         SELECT 'w' || (n * i) % 97 FROM generate_series(1, 40) AS i))
     FROM generate_series(1, $2::integer) AS n`,
    [tenantId, fillers],
  )
  await client.query('ANALYZE listings')
  return {
    /** The auditor would ask who has paid for them. */
    removeFillers: async () => {
      await client.query('DELETE FROM listings WHERE tenant_id = $1', [tenantId])
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/** Every search is different, so the cache has none. None has results, so each reads all listings. */
function startFlood({ urls }: TestSystem) {
  const begun = Promise.withResolvers<void>()
  let number = 0
  let isOver = false
  const search = async () => {
    while (!isOver) {
      number += 1
      if (number > 2 * searchers) begun.resolve()
      const salary = 1_900_000 + (number % 100_000)
      await call(
        'GET',
        `${urls.listings}/v1/listings?text=engineer&salaryAtLeastEurPerYear=${salary}`,
      )
    }
  }
  const searching = Promise.all(Array.from({ length: searchers }, search))
  return {
    /** Rejects if a search is lost: a flood that ends by itself would show nothing. */
    hasBegun: Promise.race([begun.promise, searching]),
    stop: async () => {
      isOver = true
      await searching
    },
  }
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
