import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Scope, scopes } from '@nightshift/contracts/scopes'
import {
  type Answer,
  as,
  call,
  draftListing,
  eventually,
} from '@nightshift/load-tests/harness/test-client'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import {
  issueKey,
  issueServiceKey,
  type KeyTables,
  revokeKey,
} from '@nightshift/local/seed/tenant-keys'
import { apiKeyIdOf, makeApiKey } from '@nightshift/runtime/http/api-keys'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { limits } from '../src/limits.ts'

let system: TestSystem
let tables: KeyTables
/** Changes the keys in the database directly. */
let admin: pg.Client

beforeAll(async () => {
  const run = ['card-provider', 'payments', 'listings'] as const
  system = await openTestSystem({ parts: inject('parts'), run })
  const { apiKeyPeppers } = system.secrets
  tables = {
    payments: { url: system.databaseUrl('payments'), pepper: apiKeyPeppers.payments },
    listings: { url: system.databaseUrl('listings'), pepper: apiKeyPeppers.listings },
  }
  admin = new pg.Client({ connectionString: tables.listings.url })
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await system[Symbol.asyncDispose]()
})

async function newKey({
  tenantId = randomUUID(),
  scopes: allowed = scopes,
}: {
  tenantId?: string
  scopes?: readonly Scope[]
} = {}): Promise<string> {
  const issued = await issueKey(tables, { tenantId, scopes: allowed })
  if (issued.kind !== 'issued') throw new Error('a new tenant has no keys')
  return issued.key
}

function read(authorization: string | undefined, path = `/v1/listings/${randomUUID()}`) {
  const headers = authorization === undefined ? {} : { authorization }
  return call('GET', `${system.urls.listings}${path}`, { headers })
}

function draft(key: string): Promise<Answer> {
  const headers = { authorization: `Bearer ${key}` }
  return call('POST', `${system.urls.listings}/v1/listings`, { headers, body: draftListing() })
}

/** Everything in which two refusals could differ, apart from the id of the request. */
function visibleParts({ status, headers, json }: Answer) {
  const { instance: _, ...body } = json
  const kept = [...headers].filter(([name]) => name !== 'date')
  return { status, headers: Object.fromEntries(kept), body }
}

describe('a caller without a valid key', () => {
  test('gets the same refusal for every kind of invalid key', async () => {
    const [revoked, expired] = [await newKey(), await newKey()]
    await revokeKey(tables, apiKeyIdOf(revoked) ?? '')
    await admin.query(`UPDATE api_keys SET expires_at = now() WHERE key_id = $1`, [
      apiKeyIdOf(expired),
    ])
    const wrong = makeApiKey(apiKeyIdOf(system.apiKeys['acme'] ?? ''))
    const keys = [makeApiKey(), wrong, revoked, expired, revoked.slice(0, -1), 'x'.repeat(4_000)]
    const headers = [...keys.map(key => `Bearer ${key}`), undefined, '', 'Basic YTpi']
    const answers = await Promise.all([
      ...headers.map(authorization => read(authorization)),
      // This key is valid for payments, but not for listings.
      read(`Bearer ${system.secrets.paymentsServiceKey}`),
    ])
    const [first, ...others] = answers.map(visibleParts)
    expect(first).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer realm="nightshift"' },
      body: { type: '/problems/unauthorized' },
    })
    for (const other of others) expect(other).toEqual(first)
  })

  test('is refused with a key of another environment', async () => {
    const live = (system.apiKeys['acme'] ?? '').replace('ns_test_', 'ns_live_')
    expect((await read(`Bearer ${live}`)).status).toBe(401)
  })

  test('is refused with a key in the URL, even beside a valid one, and the key is not logged', async () => {
    const key = await newKey()
    const headers = as(system, 'acme')
    const paths = ['/v1/listings?api_key=', `/v1/listings/${randomUUID()}?x=`, '/v1/nothing?']
    for (const path of paths) {
      const answer = await call('GET', `${system.urls.listings}${path}${key}`, { headers })
      expect(answer.status).toBe(400)
      expect(answer.json.type).toBe('/problems/key-in-url')
      expect(answer.text).not.toContain(key)
    }
    const logs = await system.logs('listings')
    expect(logs).not.toContain(key)
    expect(logs).not.toContain(key.slice(17, 60))
  })

  test('is refused with an unknown query parameter', async () => {
    expect((await read(undefined, '/v1/listings?token=abc')).status).toBe(400)
  })
})

describe('a path that cannot exist is not found, even without a key', () => {
  const id = randomUUID()
  /** A request without fetch, which would normalize the path. */
  const send = async (method: string, path: string) => {
    const sent = request(`${system.urls.listings}`, { method, path, timeout: 5_000 }).end()
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return { status: answer.statusCode, text: await text(answer) }
  }
  test.each([
    ['GET', '/v1/listings/'],
    ['GET', '/v1/listings/x'],
    ['GET', `/v1/listings/${id.toUpperCase()}`],
    ['GET', `/v1/listings/${id}/`],
    ['GET', `/v1/listings/${id}%2F`],
    ['GET', `/v1/listings/%20${id}`],
    ['GET', `/v1/listings/..%2f${id}`],
    ['GET', `/v1/listings/{${id}}`],
    ['GET', `/v1//listings/${id}`],
    ['GET', '/v1/listings/../listings'],
    ['GET', `/V1/LISTINGS/${id}`],
    ['POST', '/v1/listings//publish'],
    ['POST', '/v1/listings/x/publish'],
    ['POST', `/v1/listings/${id}/publish/`],
    ['GET', '/v1'],
    ['GET', '/'],
    ['GET', '/v1/listings/%00'],
    ['OPTIONS', '/v1/nothing'],
  ])('%s %s', async (method, path) => {
    const answer = await send(method, path)
    expect(answer).toMatchObject({
      status: 404,
      text: expect.stringContaining('"/problems/not-found"'),
    })
  })

  test('with HEAD too', async () => {
    const head = (path: string) =>
      fetch(`${system.urls.listings}${path}`, { method: 'HEAD' }).then(({ status }) => status)
    expect(await head('/v1/listings/')).toBe(404)
    expect(await head(`/v1/listings/${id}`)).toBe(401)
    expect(await head('/v1/listings')).toBe(200)
  })

  test('but a path that may exist needs a key', async () => {
    for (const [method, path] of [
      ['GET', `/v1/listings/${id}`],
      ['POST', `/v1/listings/${id}/publish`],
      ['POST', '/v1/listings'],
    ] as const) {
      expect((await send(method, path)).status).toBe(401)
    }
    expect((await send('OPTIONS', '/v1/listings')).status).toBe(405)
  })
})

describe('a valid key', () => {
  test('needs the scope of the route', async () => {
    const reader = await newKey({ scopes: ['listings:read', 'payments:write', 'payments:read'] })
    const writer = await newKey({ scopes: ['listings:write'] })
    const refused = await draft(reader)
    expect(refused.status).toBe(403)
    expect(refused.json.type).toBe('/problems/insufficient-scope')
    expect(refused.headers.get('www-authenticate')).toContain('scope="listings:write"')
    expect((await read(`Bearer ${writer}`)).status).toBe(403)
    expect((await read(`Bearer ${reader}`)).status).toBe(404)
    expect((await draft(writer)).status).toBe(201)
  })

  test('of a service works in payments only, and only with the tenant that it names', async () => {
    const authorization = `Bearer ${system.secrets.paymentsServiceKey}`
    expect((await payWith(authorization, randomUUID())).status).toBe(201)
    expect((await payWith(authorization)).status).toBe(401)
  })

  test('of a service takes payments, and may neither read them nor move money back', async () => {
    const authorization = `Bearer ${system.secrets.paymentsServiceKey}`
    const headers = { authorization, 'nightshift-tenant': randomUUID() }
    const payment = `/v1/payments/${randomUUID()}`
    for (const [method, path] of [
      ['GET', '/v1/payments'],
      ['GET', payment],
      ['GET', `${payment}/refunds`],
      ['GET', '/v1/statements?month=2026-11'],
      ['POST', `${payment}/refunds`],
      ['POST', `${payment}/capture`],
      ['POST', `${payment}/void`],
    ] as const) {
      const body = method === 'POST' ? {} : undefined
      const answer = await call(method, `${system.urls.payments}${path}`, { headers, body })
      expect(answer.json.type, path).toBe('/problems/insufficient-scope')
    }
  })

  test('is not needed for the public search, which ignores a wrong one', async () => {
    expect((await read(undefined, '/v1/listings')).status).toBe(200)
    expect((await read('Bearer nonsense', '/v1/listings')).status).toBe(200)
  })
})

describe('a rotation of keys', () => {
  test('has no gap: both keys work until the old one is revoked', async () => {
    const tenantId = randomUUID()
    const old = await newKey({ tenantId })
    const created = await draft(old)
    const path = `/v1/listings/${created.json.listingId}`
    const next = await newKey({ tenantId })
    expect((await read(`Bearer ${next}`, path)).status).toBe(200)
    expect((await read(`Bearer ${old}`, path)).status).toBe(200)
    expect((await issueKey(tables, { tenantId, scopes })).kind).toBe('full')

    const revokedAt = Date.now()
    expect(await revokeKey(tables, apiKeyIdOf(old) ?? '')).toEqual(['payments', 'listings'])
    await eventually('the old key is refused', async () => {
      const { status } = await read(`Bearer ${old}`, path)
      return status === 401 ? true : undefined
    })
    expect(Date.now() - revokedAt).toBeLessThan(limits.apiKeys.cacheMs + 1_000)
    expect((await read(`Bearer ${next}`, path)).status).toBe(200)
    expect(await revokeKey(tables, apiKeyIdOf(old) ?? '')).toEqual([])
  })

  test('of the key of a service has no gap either, and the next one may do no more', async () => {
    const old = `Bearer ${system.secrets.paymentsServiceKey}`
    const issued = await issueServiceKey(tables.payments)
    if (issued.kind !== 'issued') throw new Error('two keys of the service are in use')
    const next = `Bearer ${issued.key}`
    expect((await payWith(old, randomUUID())).status).toBe(201)
    expect((await payWith(next, randomUUID())).status).toBe(201)
    expect((await read(next)).status).toBe(401)
    expect((await issueServiceKey(tables.payments)).kind).toBe('full')

    const nextId = apiKeyIdOf(issued.key) ?? ''
    const { rows } = await withPayments(client =>
      client.query('SELECT scopes FROM api_keys WHERE key_id = $1', [nextId]),
    )
    expect(rows).toEqual([{ scopes: ['payments:take'] }])
    expect(await revokeKey(tables, nextId)).toEqual(['payments'])
  })

  test('stores only a hash, the id and the last characters of a key', async () => {
    const key = await newKey({ tenantId: seedTenants[1]?.tenantId ?? '' })
    const { rows } = await admin.query('SELECT * FROM api_keys WHERE key_id = $1', [
      apiKeyIdOf(key),
    ])
    expect(rows[0].last4).toBe(key.slice(-4))
    expect(JSON.stringify(rows)).not.toContain(key.slice(17, 60))
    await revokeKey(tables, apiKeyIdOf(key) ?? '')
  })
})

/** Asks payments for a payment, as listings does. */
function payWith(authorization: string, tenant?: string): Promise<Answer> {
  const headers = {
    authorization,
    'idempotency-key': randomUUID(),
    ...(tenant === undefined ? {} : { 'nightshift-tenant': tenant }),
  }
  const body = {
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  }
  return call('POST', `${system.urls.payments}/v1/payments`, { headers, body })
}

async function withPayments<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: tables.payments.url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
