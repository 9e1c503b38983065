import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { call, eventually } from './test-client.ts'
import type { TestSystem } from './test-system.ts'

/** Enough listings that a search without results takes the database 50 to 100 ms. */
const fillers = 80_000
const searchers = 64

/**
 * Live listings of no employer, so that each search has something to read, and no index of salaries, as
 * if a filter had come without one. With it, no search costs enough for a flood.
 */
export async function openFillers(system: Pick<TestSystem, 'databaseUrl'>) {
  const tenantId = randomUUID()
  const client = new pg.Client({ connectionString: system.databaseUrl('listings') })
  await client.connect()
  await client.query(
    `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
       salary_min_eur, salary_max_eur, status, published_at, search)
     SELECT gen_random_uuid(), $1, 'Engineer', 'Acme', 'Keeps it up.', 'europe', 'senior', 50000,
       60000, 'live', now() - n * interval '1 second',
       array_to_tsvector(ARRAY['engineer'] || ARRAY(
         SELECT 'w' || (n * i) % 97 FROM generate_series(1, 40) AS i))
     FROM generate_series(1, $2::integer) AS n`,
    [tenantId, fillers],
  )
  await client.query('DROP INDEX listings_live_of_salary')
  await client.query('ANALYZE listings')
  return {
    /** The auditor would ask who has paid for them. */
    remove: async () => {
      await client.query('DELETE FROM listings WHERE tenant_id = $1', [tenantId])
    },
    [Symbol.asyncDispose]: () => client.end(),
  }
}

/**
 * Strangers search all the time. Every search is different, so the cache has none, and none has
 * results, so each reads all listings. It resolves when the searches wait for each other.
 * @throws when a search is lost: a flood that ends by itself would show nothing
 */
export async function startSearchFlood({ urls }: Pick<TestSystem, 'urls'>) {
  const waitedMs: number[] = []
  let number = 0
  let refused = 0
  let isOver = false
  const search = async () => {
    while (!isOver) {
      number += 1
      const startedMs = performance.now()
      const salary = 1_900_000 + (number % 100_000)
      const query = `text=engineer&salaryAtLeastEurPerYear=${salary}`
      const { status } = await call('GET', `${urls.listings}/v1/listings?${query}`)
      waitedMs.push(performance.now() - startedMs)
      if (status === 503) refused += 1
    }
  }
  const searching = Promise.all(Array.from({ length: searchers }, search))
  const areWaiting = eventually('the searches wait for connections', async () =>
    waitedMs.length >= 2 * searchers ? true : undefined,
  )
  await Promise.race([areWaiting, searching])
  return {
    waitedMs: (): readonly number[] => waitedMs,
    refused: () => refused,
    stop: async () => {
      isOver = true
      await searching
    },
  }
}
