import { randomUUID } from 'node:crypto'
import {
  as,
  call,
  chargesFor,
  draftListing,
  eventually,
  setProviderFaults,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { openTestTopic, type TestTopic } from '@nightshift/load-tests/harness/test-topic'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'

let system: TestSystem
let payments: TestTopic
let deadLetters: TestTopic

beforeAll(async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  system = await openTestSystem({ parts: inject('parts'), run })
  payments = await openTestTopic(system, 'payments.v1')
  deadLetters = await openTestTopic(system, 'listings.dead-letters.v1')
})
afterAll(async () => {
  await payments[Symbol.asyncDispose]()
  await deadLetters[Symbol.asyncDispose]()
  await system[Symbol.asyncDispose]()
})
afterEach(() => setProviderFaults(system, { silence: 'none', latencyMs: 0 }))

type Tenant = 'acme' | 'northwind'
const newKey = () => `test-${randomUUID()}`
const url = (path: string) => `${system.urls.listings}${path}`

async function draft(changes: object = {}, tenant: Tenant = 'acme'): Promise<string> {
  const headers = as(system, tenant)
  const answer = await call('POST', url('/v1/listings'), { headers, body: draftListing(changes) })
  expect(answer.status).toBe(201)
  return answer.json.listingId
}

function publish(
  listingId: string,
  { key = newKey(), cardToken = 'pm_card_visa', plan = 'basic', tenant = 'acme' as Tenant } = {},
) {
  return call('POST', url(`/v1/listings/${listingId}/publish`), {
    headers: as(system, tenant, key),
    body: { plan, cardToken },
  })
}

function read(listingId: string, tenant: Tenant = 'acme') {
  return call('GET', url(`/v1/listings/${listingId}`), { headers: as(system, tenant) })
}

async function search(query: string): Promise<{ listingId: string }[]> {
  return (await call('GET', url(`/v1/listings?${query}`))).json.listings
}

function untilLive(listingId: string, word: string) {
  return eventually('the listing is live', async () => {
    const found = await search(`text=${word}`)
    return found.some(listing => listing.listingId === listingId) ? true : undefined
  })
}

const newWord = () => `w${randomUUID().replaceAll('-', '')}`

describe('a listing is live if and only if it was paid for', () => {
  test('a draft is not in the search until it was paid and its event has arrived', async () => {
    const word = newWord()
    const listingId = await draft({ title: word })
    expect(await search(`text=${word}`)).toHaveLength(0)
    const answer = await publish(listingId)
    expect(answer.status).toBe(201)
    expect(answer.json).toMatchObject({ payment: 'captured', amountCents: 9_900 })
    await untilLive(listingId, word)
    expect((await read(listingId)).json.status).toBe('live')
    expect(await chargesFor(system, answer.json.publicationId)).toHaveLength(1)
  })

  test('twenty concurrent attempts with one key charge once', async () => {
    await setProviderFaults(system, { latencyMs: 200 })
    const word = newWord()
    const listingId = await draft({ title: word })
    const key = newKey()
    const answers = await Promise.all(Array.from({ length: 20 }, () => publish(listingId, { key })))
    const created = answers.filter(answer => answer.status === 201)
    // An attempt that comes late gets the stored answer. The others are told that one is in progress, or,
    // if they waited too long for a connection on a busy machine, that nothing was begun.
    const [won, ...others] = created.filter(({ headers }) => !headers.has('idempotency-replayed'))
    expect(others).toEqual([])
    expect(new Set(created.map(({ text }) => text))).toEqual(new Set([won?.text]))
    const refusals = ['/problems/request-in-progress', '/problems/overloaded']
    const refused = answers.filter(({ json }) => refusals.includes(json.type ?? ''))
    expect(refused).toHaveLength(20 - created.length)
    await untilLive(listingId, word)
    expect(await chargesFor(system, won?.json.publicationId)).toHaveLength(1)
    const replay = await publish(listingId, { key })
    expect(replay.text).toBe(won?.text)
    expect(replay.headers.get('idempotency-replayed')).toBe('true')
  })

  test('two concurrent requests with different keys make one publication', async () => {
    await setProviderFaults(system, { latencyMs: 100 })
    const listingId = await draft()
    const answers = await Promise.all([publish(listingId), publish(listingId)])
    const statuses = answers.map(answer => answer.status).sort()
    expect(statuses).toEqual([201, 409])
    const refused = answers.find(answer => answer.status === 409)
    expect(refused?.json.type).toBe('/problems/listing-not-a-draft')
  })

  test('a listing with a declined card stays a draft, which another card publishes', async () => {
    const word = newWord()
    const listingId = await draft({ title: word })
    const key = newKey()
    const declined = await publish(listingId, { key, cardToken: 'pm_card_chargeDeclined' })
    expect(declined.status).toBe(402)
    expect((await read(listingId)).json.status).toBe('draft')
    const replay = await publish(listingId, { key, cardToken: 'pm_card_chargeDeclined' })
    expect(replay.text).toBe(declined.text)
    expect((await publish(listingId)).status).toBe(201)
    await untilLive(listingId, word)
  })

  test('a listing goes live even if the provider charges without an answer', async () => {
    const word = newWord()
    const listingId = await draft({ title: word })
    const key = newKey()
    const first = await publish(listingId, { key, cardToken: 'pm_card_silentAfter' })
    expect(first.status).toBe(202)
    expect(first.json.payment).toBe('pending')
    await untilLive(listingId, word)
    expect(await chargesFor(system, first.json.publicationId)).toHaveLength(1)
    const again = await publish(listingId, { key, cardToken: 'pm_card_silentAfter' })
    expect(again.status).toBe(201)
  })

  test('what payments was down for is taken back, and its key publishes it afterwards', async () => {
    await system.stop('payments')
    const word = newWord()
    const listingId = await draft({ title: word })
    const key = newKey()
    const first = await publish(listingId, { key })
    expect(first.status).toBe(503)
    expect(first.json.type).toBe('/problems/overloaded')
    expect((await read(listingId)).json.status).toBe('draft')
    await system.start('payments')
    await system.waitReady('payments')
    const later = await eventually('the key publishes the listing', async () => {
      const answer = await publish(listingId, { key })
      return answer.status === 201 ? answer : undefined
    })
    await untilLive(listingId, word)
    expect(await chargesFor(system, later.json.publicationId)).toHaveLength(1)
  })

  test('a repeated request gets its answer after listings was killed during the payment', async () => {
    await setProviderFaults(system, { latencyMs: 500 })
    const word = newWord()
    const listingId = await draft({ title: word })
    const key = newKey()
    const lost = publish(listingId, { key })
    const outcome = lost.then(
      () => 'answered',
      () => 'lost',
    )
    await eventually('the listing waits for its payment', async () =>
      (await read(listingId)).json.status === 'payment_pending' ? true : undefined,
    )
    await system.signal('listings', 'SIGKILL')
    expect(await outcome).toBe('lost')
    await system.waitReady('listings')
    await untilLive(listingId, word)
    const answer = await eventually(
      'the key has its answer',
      async () => {
        const one = await publish(listingId, { key })
        return one.status === 201 ? one : undefined
      },
      20_000,
    )
    expect(await chargesFor(system, answer.json.publicationId)).toHaveLength(1)
  })
})

describe('an event of payments', () => {
  const event = (data: object, changes: object = {}) => ({
    eventId: randomUUID(),
    type: 'payment.captured',
    version: 1,
    occurredAt: new Date().toISOString(),
    tenantId: '11111111-0000-4000-8000-000000000001',
    aggregateId: randomUUID(),
    aggregateVersion: 2,
    data: {
      paymentId: randomUUID(),
      listingId: randomUUID(),
      publicationId: randomUUID(),
      amountCents: 9_900,
      currency: 'EUR',
      ...data,
    },
    ...changes,
  })

  async function deadLetterOf(marker: string) {
    return eventually('the dead letter is there', async () => {
      const found = (await deadLetters.read()).find(record =>
        Buffer.from(JSON.parse(record.value).value ?? '', 'base64').includes(marker),
      )
      return found && (JSON.parse(found.value) as { reason: string; topic: string })
    })
  }

  test('about an unknown publication becomes a dead letter', async () => {
    const forged = event({})
    await payments.write(forged.aggregateId, JSON.stringify(forged))
    expect((await deadLetterOf(forged.eventId)).reason).toContain('does not exist')
  })

  test.each([
    ['another amount', { amountCents: 1 }, {}],
    ['another tenant', {}, { tenantId: '11111111-0000-4000-8000-000000000002' }],
    ['another listing', { listingId: randomUUID() }, {}],
  ])(
    'with %s becomes a dead letter, and the real payment still works afterwards',
    async (_what, data, changes) => {
      await setProviderFaults(system, { silence: 'before' })
      const word = newWord()
      const listingId = await draft({ title: word })
      const pending = await publish(listingId)
      expect(pending.status).toBe(202)
      const { publicationId } = pending.json
      const forged = event({ listingId, publicationId, ...data }, changes)
      await payments.write(forged.aggregateId, JSON.stringify(forged))
      await deadLetterOf(forged.eventId)
      expect(await search(`text=${word}`)).toHaveLength(0)
      await setProviderFaults(system, { silence: 'none' })
      await untilLive(listingId, word)
    },
  )

  test('that violates the contract becomes a dead letter, and later events are applied', async () => {
    const marker = newWord()
    await payments.write('k', `not JSON ${marker}`)
    await payments.write('k', null)
    const unknownType = event({}, { type: 'payment.imagined' })
    await payments.write('k', JSON.stringify(unknownType))
    expect((await deadLetterOf(marker)).topic).toContain('payments.v1')
    expect((await deadLetterOf(unknownType.eventId)).reason).toContain('contract')
    const word = newWord()
    const listingId = await draft({ title: word })
    await publish(listingId)
    await untilLive(listingId, word)
  })

  test('that is delivered again has no effect', async () => {
    const word = newWord()
    const listingId = await draft({ title: word })
    await publish(listingId)
    await untilLive(listingId, word)
    const before = await read(listingId)
    const record = await eventually('the event is published', async () =>
      (await payments.read()).find(one => one.value?.includes(listingId)),
    )
    await payments.write(record.key, record.value)
    const next = newWord()
    const nextId = await draft({ title: next })
    await publish(nextId)
    await untilLive(nextId, next)
    expect((await read(listingId)).text).toBe(before.text)
    const letters = await deadLetters.read()
    const ofListing = letters.filter(one =>
      Buffer.from(JSON.parse(one.value).value ?? '', 'base64').includes(listingId),
    )
    expect(ofListing).toHaveLength(0)
  })
})

describe('a listing of another employer', () => {
  test('is answered like an unknown listing', async () => {
    const listingId = await draft()
    const foreign = await read(listingId, 'northwind')
    const unknown = await read(randomUUID(), 'northwind')
    expect(foreign.status).toBe(404)
    expect({ ...foreign.json, instance: '' }).toEqual({ ...unknown.json, instance: '' })
    expect((await publish(listingId, { tenant: 'northwind' })).status).toBe(404)
    expect((await read(listingId)).json.status).toBe('draft')
  })
})

describe('the search', () => {
  test('filters, and finds worldwide jobs in every region', async () => {
    const word = newWord()
    const publishJob = async (changes: object) => {
      const listingId = await draft({ title: `${word} job`, ...changes })
      await publish(listingId)
      return listingId
    }
    const europe = await publishJob({ area: 'europe', seniority: 'junior' })
    const worldwide = await publishJob({ area: 'worldwide', salaryMaxEurPerYear: 150_000 })
    const africa = await publishJob({ area: 'africa' })
    await eventually('all three are live', async () =>
      (await search(`text=${word}`)).length === 3 ? true : undefined,
    )
    const ids = async (query: string) =>
      (await search(`text=${word}&${query}`)).map(listing => listing.listingId).sort()
    expect(await ids('area=europe')).toEqual([europe, worldwide].sort())
    expect(await ids('area=africa')).toEqual([africa, worldwide].sort())
    expect(await ids('seniority=junior')).toEqual([europe])
    expect(await ids('salaryAtLeastEurPerYear=120000')).toEqual([worldwide])
  })

  test('has pages of any size that neither repeat nor skip a listing', async () => {
    const word = newWord()
    const published = await Promise.all(
      Array.from({ length: 7 }, async () => {
        const listingId = await draft({ title: word })
        await publish(listingId)
        return listingId
      }),
    )
    await eventually('all are live', async () =>
      (await search(`text=${word}`)).length === published.length ? true : undefined,
    )
    for (const limit of [1, 2, 3, 7]) {
      const seen: string[] = []
      let after = ''
      for (let page = 0; page < 10; page += 1) {
        const answer = await call('GET', url(`/v1/listings?text=${word}&limit=${limit}${after}`))
        seen.push(...answer.json.listings.map((one: { listingId: string }) => one.listingId))
        if (answer.json.nextAfter === undefined) break
        after = `&after=${answer.json.nextAfter}`
      }
      expect(seen.toSorted()).toEqual(published.toSorted())
      expect(seen).toHaveLength(published.length)
    }
  })

  test.each([
    ['an unknown parameter', 'colour=red'],
    ['text as a limit', 'limit=many'],
    ['two limits', 'limit=1&limit=2'],
    ['a limit that is too large', 'limit=51'],
    ['an unknown area', 'area=atlantis'],
    ['a foreign cursor', 'after=AAAA'],
    ['a NUL', 'text=%00'],
    ['a text that is too long', `text=${'x'.repeat(201)}`],
  ])('with %s is refused', async (_what, query) => {
    const answer = await call('GET', url(`/v1/listings?${query}`))
    expect(answer.status).toBe(400)
    expect(answer.json.type).toBe('/problems/validation-error')
  })

  test.each(["a & ! b | ' :*", '"unbalanced', "'; DROP TABLE listings; --", '((((a'])(
    'takes %s for plain text',
    async text => {
      const answer = await call('GET', url(`/v1/listings?text=${encodeURIComponent(text)}`))
      expect(answer.status).toBe(200)
    },
  )
})

describe('a publication', () => {
  test('with an unknown plan, or with a price of the caller, is refused', async () => {
    const listingId = await draft()
    expect((await publish(listingId, { plan: 'free' })).status).toBe(400)
    const answer = await call('POST', url(`/v1/listings/${listingId}/publish`), {
      headers: as(system, 'acme', newKey()),
      body: { plan: 'basic', cardToken: 'pm_card_visa', amountCents: 1 },
    })
    expect(answer.status).toBe(400)
    expect((await read(listingId)).json.status).toBe('draft')
  })
})
