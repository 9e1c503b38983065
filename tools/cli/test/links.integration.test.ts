import { randomUUID } from 'node:crypto'
import type { FaultProxyClient } from '@nightshift/faults/fault-proxy-client'
import {
  as,
  call,
  chargesFor,
  draftListing,
  eventually,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { withDatabase } from '@nightshift/local/prepare/database-admin'
import { askRedis, emptyRedisDatabase } from '@nightshift/local/prepare/redis-database'
import { confirmAddress, confirmLinkIn } from '@nightshift/local/seed/confirm-address'
import { type LinkName, linkNames } from '@nightshift/local/system/links'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { processNames } from '@nightshift/local/system/topology'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { type JourneyOptions, runJourney } from '../journey.ts'

const settledMs = 25_000
const answerMs = 2_000

let system: TestSystem
let faults: FaultProxyClient

beforeAll(async () => {
  const run = processNames.filter(name => name !== 'trace-sink')
  system = await openTestSystem({ parts: inject('parts'), run, links: true })
  if (!system.faults) throw new Error('a system with links has no faults')
  faults = system.faults
})
afterEach(() => faults.reset())
afterAll(() => system[Symbol.asyncDispose]())

type Listing = { listingId: string; path: string; headers: Record<string, string>; email: string }

/** A draft, and a candidate whose alert it will match. */
async function draft(): Promise<Listing> {
  const word = `w${randomUUID().replaceAll('-', '')}`
  const email = `${word}@example.org`
  const headers = as(system, 'acme', `test-${word}`)
  await call('POST', `${system.urls.notifications}/v1/alerts`, { body: { email, text: word } })
  await confirmAddress(system.urls.mailbox, email)
  const body = draftListing({ title: `Engineer ${word}` })
  const url = `${system.urls.listings}/v1/listings`
  const { listingId } = (await call('POST', url, { headers, body })).json
  return { listingId, path: `${url}/${listingId}`, headers, email }
}

function publish({ path, headers }: Listing) {
  const body = { plan: 'basic', cardToken: 'pm_card_visa' }
  return call('POST', `${path}/publish`, { headers, body })
}

const statusOf = async ({ path, headers }: Listing): Promise<string> =>
  (await call('GET', path, { headers })).json.status

async function mailsTo({ email }: Listing): Promise<unknown[]> {
  const url = `${system.urls.mailbox}/mails?to=${encodeURIComponent(email)}`
  const { mails } = (await call('GET', url)).json
  return mails.filter(({ text }: { text: string }) => confirmLinkIn(text) === undefined)
}

const untilLive = (listing: Listing) =>
  eventually('it is live', async () => (await statusOf(listing)) === 'live' || undefined, settledMs)

const untilNotified = (listing: Listing) =>
  eventually(
    'the mail is there',
    async () => (await mailsTo(listing)).length > 0 || undefined,
    settledMs,
  )

async function countRows(service: ServiceName, from: string): Promise<number> {
  const { rows } = await withDatabase(system.databaseUrl(service), client =>
    client.query(`SELECT count(*)::int AS count FROM ${from}`),
  )
  return rows[0].count
}

/** The events about its payment that are committed and not published. */
const countUnsent = ({ listingId }: Listing) =>
  countRows('payments', `outbox WHERE published_at IS NULL AND payload LIKE '%${listingId}%'`)

/** Resolves when the process has logged this event once more. */
async function untilLogged(name: ServiceName, event: string, work: () => Promise<unknown>) {
  const count = async () => (await system.logs(name)).split(`"${event}"`).length
  const before = await count()
  await work()
  await eventually(`${name} logs ${event}`, async () => (await count()) > before || undefined)
}

async function answers(url: string, init: RequestInit = {}): Promise<boolean> {
  try {
    const { status } = await fetch(url, { ...init, signal: AbortSignal.timeout(answerMs) })
    return status < 500
  } catch {
    return false // refused or reset: the question was whether an answer comes
  }
}

/** Counts the keys of Redis after a search that would be cached. */
async function keysAfterSearch(): Promise<number> {
  await emptyRedisDatabase(system.redisUrl)
  const search = `${system.urls.listings}/v1/listings?text=${randomUUID()}`
  // The second search waits on the connection behind the write of the first.
  for (const _ of [1, 2]) expect((await call('GET', search)).status).toBe(200)
  return Number((await askRedis(system.redisUrl, 'DBSIZE'))?.slice(1))
}

const pays = async () => (await publish(await draft())).status === 201
const json = (body: object): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** For each link, a question that is answered with yes only over that link. */
const questions: Partial<Record<LinkName, () => Promise<boolean>>> = {
  'client-payments': () => answers(`${system.urls.payments}/v1/payments`),
  'client-listings': () => answers(`${system.urls.listings}/v1/listings`),
  'client-notifications': () => answers(`${system.urls.notifications}/v1/alerts`),
  'listings-payments': pays,
  'payments-provider': pays,
  'payments-postgres': () =>
    answers(`${system.urls.payments}/v1/payments/${randomUUID()}`, { headers: as(system, 'acme') }),
  'listings-postgres': () => answers(`${system.urls.listings}/v1/listings?text=${randomUUID()}`),
  'notifications-postgres': () =>
    answers(
      `${system.urls.notifications}/v1/alerts`,
      json({ email: `${randomUUID()}@example.org`, text: 'cut' }),
    ),
  'listings-redis': async () => (await keysAfterSearch()) > 0,
}

describe('traffic over a link ends when the link is cut, and comes back with it', () => {
  test.each(Object.entries(questions))('%s', async (link, ask) => {
    const isYes = async () => (await ask()) || undefined
    await eventually('it carries', isYes)
    await faults.disable(link)
    expect(await ask()).toBe(false)
    await faults.enable(link)
    await eventually('it carries again', isYes)
  })

  test('payments-kafka: the events of payments wait in the outbox, and all of them arrive', async () => {
    const listings = [await draft(), await draft()]
    await faults.disable('payments-kafka')
    await untilLogged('payments', 'loop.failed', async () => {
      for (const listing of listings) expect((await publish(listing)).status).toBe(201)
    })
    for (const listing of listings) {
      expect(await countUnsent(listing)).toBe(1)
      expect(await statusOf(listing)).toBe('payment_pending')
    }
    await faults.enable('payments-kafka')
    await Promise.all(listings.map(untilLive))
    for (const listing of listings) expect(await countUnsent(listing)).toBe(0)
  })

  test('listings-kafka: payments publishes the event, and listings consumes it later', async () => {
    const listing = await draft()
    await untilLogged('listings', 'kafka.client', () => faults.disable('listings-kafka'))
    expect((await publish(listing)).status).toBe(201)
    await eventually('it is published', async () => (await countUnsent(listing)) === 0 || undefined)
    expect(await statusOf(listing)).toBe('payment_pending')
    await faults.enable('listings-kafka')
    await untilLive(listing)
  })

  test('notifications-kafka: the listing is live, and the candidate is notified later', async () => {
    const listing = await draft()
    await untilLogged('notifications', 'kafka.client', () => faults.disable('notifications-kafka'))
    expect((await publish(listing)).status).toBe(201)
    await untilLive(listing)
    expect(
      await countRows('notifications', `announcements WHERE listing_id = '${listing.listingId}'`),
    ).toBe(0)
    await faults.enable('notifications-kafka')
    await untilNotified(listing)
  })

  test('notifications-mail: the mail waits, and is sent later', async () => {
    const listing = await draft()
    await faults.disable('notifications-mail')
    await untilLogged('notifications', 'mail.postponed', () => publish(listing))
    expect(await mailsTo(listing)).toHaveLength(0)
    await faults.enable('notifications-mail')
    await untilNotified(listing)
  })

  test('no link is left out', () => {
    const own = linkNames.filter(name => /-kafka$|-mail$/.test(name))
    expect([...Object.keys(questions), ...own].toSorted()).toEqual(linkNames.toSorted())
  })
})

test('if the answer of the provider is lost, the payment is pending, then captured, and charged once', async () => {
  const listing = await draft()
  await faults.addToxic('payments-provider', { type: 'timeout', attributes: { timeout: 0 } })
  const answer = await publish(listing)
  expect(answer.status).toBe(202)
  expect(answer.json.payment).toBe('pending')
  expect(await chargesFor(system, answer.json.publicationId)).toHaveLength(1)
  await faults.reset()
  await untilLive(listing)
  expect((await publish(listing)).json.payment).toBe('captured')
  expect(await chargesFor(system, answer.json.publicationId)).toHaveLength(1)
})

test('the fault proxy is killed during journeys, and all of them succeed', async () => {
  const { listings, notifications, mailbox, cardProvider } = system.urls
  const journey: JourneyOptions = {
    urls: { listings, notifications, mailbox, cardProvider },
    apiKey: system.apiKeys['acme'] ?? '',
    stepDeadlineMs: settledMs,
  }
  const before = await faults.list()
  const walking = (async () => {
    const failures: (string | undefined)[] = []
    for (let number = 0; number < 5; number += 1) {
      const { steps } = await runJourney(journey)
      failures.push(...steps.map(step => step.failure))
    }
    return failures.filter(Boolean)
  })()
  await system.signal('faults', 'SIGKILL')
  expect(await walking).toEqual([])
  expect((await system.status('faults')).restarts).toBe(1)
  expect(await faults.list()).toEqual(before)
})
