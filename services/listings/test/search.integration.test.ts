import { randomUUID } from 'node:crypto'
import { termsOfListing, termsQuery } from '@nightshift/contracts/search-terms'
import { call, draftListing } from '@nightshift/load-tests/harness/test-client'
import { asRole, openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import type { Search } from '../src/flows/search-listings.ts'
import { findLiveListings } from '../src/store/listings.ts'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({ parts: inject('parts'), run: ['listings'] })
})
afterAll(() => system[Symbol.asyncDispose]())

type Advert = { title: string; company: string; description: string }

/** Inserts live listings directly, because tests of words need no payment. */
async function insertLive(adverts: Advert[]): Promise<void> {
  await withDatabase(system.databaseUrl('listings'), async client => {
    for (const advert of adverts) {
      await client.query(
        `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
           salary_min_eur, salary_max_eur, status, published_at, search)
         VALUES ($1, $2, $3, $4, $5, 'europe', 'senior', 1, 2, 'live', now(),
           array_to_tsvector($6::text[]))`,
        [
          randomUUID(),
          randomUUID(),
          advert.title,
          advert.company,
          advert.description,
          termsOfListing(advert),
        ],
      )
    }
  })
}

function search(text: string) {
  return call('GET', `${system.urls.listings}/v1/listings?text=${encodeURIComponent(text)}`)
}

const newWord = () => `w${randomUUID().replaceAll('-', '')}`

describe('a listing is found by its words, in any case and script', () => {
  // The default parser, stop words and the C locale fail here: matrix-org/synapse#3116,
  // hasgeek/hasjob#188.
  const cases: [string, string, boolean][] = [
    ['Ärztin in Köln', 'ärztin', true],
    ['Ärztin in Köln', 'ÄRZTIN', true],
    ['Frontend/Backend Engineer', 'backend', true],
    ['Node.js', 'node', true],
    ['Node.js', 'NODE.JS', true],
    ['CI/CD', 'ci', true],
    ['CI/CD', 'cd/ci', true],
    ['IT Manager', 'it', true],
    ['The Who', 'who', true],
    ['C# developer', 'c#', true],
    ['C++ developer', 'c++', true],
    ['C++ developer', 'c#', false],
    ['C++ developer', 'c', false],
    ['C# developer', 'c', false],
    ['F# developer', 'f#', true],
    ['.NET developer', '.net', true],
    ['net salary', '.net', false],
    ['ИНЖЕНЕР', 'инженер', true],
    ['ΜΗΧΑΝΙΚΟΣ', 'μηχανικος', true],
    ['Straßenbauer', 'STRASSENBAUER', true],
    ['ソフトウェアエンジニア', 'エンジニア', true],
    ["O'Reilly \\ Sons", "o'reilly", true],
  ]
  test.each(cases)('%j is found by %j: %s', async (title, query, isFound) => {
    const word = newWord()
    await insertLive([{ title: `${title} ${word}`, company: 'A', description: 'B' }])
    const answer = await search(`${query} ${word}`)
    expect([answer.status, answer.json.listings.length]).toEqual([200, isFound ? 1 : 0])
  })

  test('words of title, company and description are found alike', async () => {
    const [title, company, description] = [newWord(), newWord(), newWord()]
    await insertLive([{ title, company, description }])
    expect((await search(`${description} ${title} ${company}`)).json.listings).toHaveLength(1)
  })

  test('a listing that was drafted over HTTP has the same terms', async () => {
    const word = newWord()
    const headers = { authorization: `Bearer ${system.apiKeys['acme']}` }
    const body = draftListing({ title: `Ärztin/C# ${word}` })
    const draft = await call('POST', `${system.urls.listings}/v1/listings`, { headers, body })
    await withDatabase(system.databaseUrl('listings'), client =>
      client.query(
        `UPDATE listings SET status = 'live', published_at = now() WHERE listing_id = $1`,
        [draft.json.listingId],
      ),
    )
    expect((await search(`ärztin c# ${word}`)).json.listings).toHaveLength(1)
  })
})

// A search without a word is refused instead of finding everything: saltcorn/saltcorn#4250.
test.each(['!!!', '   ', '🦀', '((((', '- + #', '…', "'"])(
  'a text without a word, %j, is refused',
  async text => {
    const answer = await search(text)
    expect([answer.status, answer.json.type]).toEqual([422, '/problems/nothing-searchable'])
    expect(answer.json.errors).toEqual([
      { pointer: '/text', message: 'must have at least one letter or digit' },
    ])
  },
)

test('PostgreSQL can store the largest number of the longest terms', async () => {
  const terms = Array.from({ length: 4_000 }, (_, i) =>
    String.fromCodePoint(0x20_000 + i).repeat(64),
  )
  const { rows } = await withDatabase(system.databaseUrl('listings'), client =>
    client.query('SELECT array_to_tsvector($1::text[]) @@ $2::tsquery AS found', [
      terms,
      termsQuery(terms),
    ]),
  )
  expect(rows).toEqual([{ found: true }])
})

test('the role of the search uses the index to find a rare word among many listings', async () => {
  const count = 20_000
  const rare = newWord()
  await withDatabase(system.databaseUrl('listings'), async client => {
    await client.query(
      `INSERT INTO listings (listing_id, tenant_id, title, company, description, area, seniority,
         salary_min_eur, salary_max_eur, status, published_at, search)
       SELECT gen_random_uuid(), gen_random_uuid(), 't', 'c', 'd', 'europe', 'senior', 1, 2, 'live',
         now() - i * interval '1 minute',
         array_to_tsvector(ARRAY['engineer', 'n' || i, CASE WHEN i % 5000 = 0 THEN $2 ELSE 'x' END])
       FROM generate_series(1, $1::int) i`,
      [count, rare],
    )
    await client.query('VACUUM ANALYZE listings')
  })
  await asRole(system, 'listings_worker', async client => {
    // A prepared statement may switch to the generic plan, so both plans must use the index.
    for (const mode of ['force_custom_plan', 'force_generic_plan']) {
      await client.query(`SET plan_cache_mode = ${mode}`)
      const plan = await explain(client, { terms: [rare], after: undefined, limit: 20 })
      expect(plan).toContain('Bitmap Index Scan on listings_search')
      expect(plan).toMatch(/actual time=[\d.]+ rows=4(\.00)? loops=1/)
      expect(plan).not.toContain('Seq Scan')
    }
  })
})

/** The plan of the statement that the search uses. */
async function explain(client: pg.Client, search: Search): Promise<string> {
  let plan = ''
  const explaining = {
    query: async ({ text, values }: { text: string; values: unknown[] }) => {
      const statement = { name: `explain ${newWord()}`, text: `EXPLAIN ANALYZE ${text}`, values }
      const { rows } = await client.query<{ 'QUERY PLAN': string }>(statement)
      plan = rows.map(row => row['QUERY PLAN']).join('\n')
      return { rows: [] }
    },
  }
  await findLiveListings(explaining as unknown as Queryable, search)
  return plan
}
