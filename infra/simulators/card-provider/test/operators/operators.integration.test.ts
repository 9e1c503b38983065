import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeIntent } from '../actions.ts'
import type { Provider, Providers } from '../provider.ts'
import { answerOf, newPayment, openProviders, secretKey } from '../provider.ts'

let providers: Providers
let provider: Provider
/** Every route that the front page lists. */
let routes: { method: string; path: string }[]

beforeAll(async () => {
  providers = await openProviders()
  provider = await providers.start('provider.jsonl')
  const page = await (await fetch(provider.url)).text()
  const found = page.matchAll(/^([A-Z]+) +(\/\S*)$/gm)
  routes = [...found].map(([, method = '', path = '']) => ({ method, path }))
})
afterAll(() => providers[Symbol.asyncDispose]())

const logText = () => readFile(providers.file('provider.jsonl'), 'utf8')
const withKey = { authorization: `Bearer ${secretKey}` }
const asForm = { 'content-type': 'application/x-www-form-urlencoded' }

function send(method: string, path: string, headers: Record<string, string>, body?: string) {
  return fetch(`${provider.url}${path}`, { method, headers, ...(body ? { body } : {}) })
}

test('the front page lists every route', () => {
  expect(routes.map(({ method, path }) => `${method} ${path}`).toSorted()).toEqual([
    'GET /',
    'GET /health',
    'GET /log',
    'GET /rules',
    'GET /settings',
    'GET /settlement',
    'GET /v1/payment_intents',
    'GET /v1/payment_intents/:id',
    'GET /v1/payment_intents/search',
    'GET /v1/refunds',
    'GET /v1/refunds/:id',
    'PATCH /settings',
    'POST /settings/reset',
    'POST /v1/payment_intents',
    'POST /v1/payment_intents/:id/cancel',
    'POST /v1/payment_intents/:id/capture',
    'POST /v1/payment_intents/:id/confirm',
    'POST /v1/refunds',
  ])
})

describe('only operations add lines to the provider log', () => {
  test('no route accepts a line by any method, and an unknown route is a 404', async () => {
    const before = await logText()
    const line = JSON.stringify({ type: 'intent.succeeded', amount: 1 })
    const paths = [...new Set(routes.map(({ path }) => path)), '/v1', '/v1/log', '/v1/lines', '/x']
    const known = new Set(routes.map(({ method, path }) => `${method} ${path}`))
    let requests = 0
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
        if (known.has(`${method} ${path}`)) continue
        const body = method === 'GET' ? undefined : line
        const json = { 'content-type': 'application/json' }
        const { status } = await send(method, path, { ...withKey, ...json }, body)
        expect([status, method, path]).toEqual([404, method, path])
        requests += 1
      }
    }
    expect(requests).toBeGreaterThan(60)
    expect(await logText()).toBe(before)
  })

  test('an API request without effect adds no line', async () => {
    const id = await makeIntent(provider, newPayment(), 'succeeded')
    const before = await logText()
    const ofApi = routes.filter(({ path }) => path.startsWith('/v1/'))
    for (const { method, path } of ofApi) {
      const url = path.replace(':id', path.includes('refunds') ? 're_1' : id)
      const isRead = method === 'GET'
      for (const body of isRead ? [undefined] : ['', 'type=intent.succeeded&amount=1', 'seq=1']) {
        for (const headers of [withKey, {}, { authorization: 'Bearer sk_wrong' }]) {
          const { status } = await send(
            method,
            url,
            { ...headers, ...(isRead ? {} : asForm) },
            body,
          )
          expect(status).toBeLessThan(500)
          if (!isRead) expect(status).toBeGreaterThanOrEqual(400)
        }
      }
    }
    expect(await logText()).toBe(before)
  })
})

describe('operator routes', () => {
  test.each([
    ['GET', '/settings', 403],
    // A change needs a token, and a key is not the token.
    ['PATCH', '/settings', 401],
    ['POST', '/settings/reset', 401],
    ['GET', '/log', 403],
  ])('%s %s refuses a request with a key, and changes nothing', async (method, path, refused) => {
    const [before, settings] = [await logText(), await provider.get('/settings')]
    const json = { 'content-type': 'application/json' }
    const type = method === 'PATCH' ? json : {}
    const body = method === 'PATCH' ? '{"declineRate":1}' : undefined
    const { status, body: answer } = await answerOf(
      send(method, path, { ...withKey, ...type }, body),
    )
    expect([status, answer.error.type]).toEqual([refused, 'invalid_request_error'])
    expect(answer).not.toHaveProperty('lines')
    expect((await provider.get('/settings')).body).toEqual(settings.body)
    expect(await logText()).toBe(before)
  })

  test('need no key, and the settlement needs one', async () => {
    expect((await provider.get('/settings')).status).toBe(200)
    expect((await provider.get('/log')).status).toBe(200)
    expect((await fetch(`${provider.url}/settlement`)).status).toBe(401)
  })
})

test('the published rules are those in force', async () => {
  const { body } = await provider.get('/rules')
  expect(body).toEqual({
    quotaPerSecond: 0,
    processingDelayMaxSeconds: 600,
    idempotencyKeyWindowSeconds: 86_400,
    fee: { percent: 1.4, fixedMinorUnits: 25, rounding: 'half_up', givenBackOnRefund: false },
  })
  await provider.changeSettings({ quotaPerSecond: 7, keyWindowSeconds: 60 })
  const changed = { quotaPerSecond: 7, idempotencyKeyWindowSeconds: 60 }
  expect((await provider.get('/rules')).body).toEqual({ ...body, ...changed })
  const tooLate = await provider.changeSettings({ lateMs: body.processingDelayMaxSeconds * 1_000 })
  expect(tooLate.body.error.param).toBe('lateMs')
  await provider.resetSettings()
})
