import { request } from 'node:http'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'

let system: TestSystem

beforeAll(async () => {
  system = await openTestSystem({
    parts: inject('parts'),
    run: ['trace-sink', 'card-provider', 'mailbox', 'payments', 'listings', 'notifications'],
    links: true,
  })
})
afterAll(() => system[Symbol.asyncDispose]())

type Sent = Readonly<{ method?: string; headers?: Record<string, string>; body?: string }>

/** `fetch` would set Host and Origin itself. */
function statusOf(url: string, { method = 'GET', headers = {}, body }: Sent = {}): Promise<number> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers, timeout: 5_000 }, answer => {
      answer.resume()
      resolve(answer.statusCode ?? 0)
    })
    sending.on('error', reject).end(body)
  })
}

/** Something that each local server of the system answers, and where. */
const reads = [
  ['card-provider', () => `${system.urls.cardProvider}/log`],
  ['mailbox', () => `${system.urls.mailbox}/mails`],
  ['trace-sink', () => `${system.urls.traceSink}/health`],
  ['payments, operations', () => `${system.urls.paymentsOperations}/metrics`],
  ['listings, operations', () => `${system.urls.listingsOperations}/metrics`],
  ['notifications, operations', () => `${system.urls.notificationsOperations}/metrics`],
] as const

describe.each(reads)('%s', (_name, url) => {
  test('answers under a name of this machine', async () => {
    const { port, host } = new URL(url())
    for (const own of [host, `localhost:${port}`, `[::1]:${port}`, 'a-container:80']) {
      expect([own, await statusOf(url(), { headers: { host: own } })]).toEqual([own, 200])
    }
  })

  test('refuses a name that a stranger can register, as after DNS rebinding', async () => {
    for (const foreign of ['evil.example', '127.0.0.1.evil.example:80', 'localhost.evil.example']) {
      expect(await statusOf(url(), { headers: { host: foreign } })).toBe(403)
    }
  })

  test('refuses a page of another origin', async () => {
    for (const origin of ['https://evil.example', 'null', 'http://127.0.0.1:1']) {
      expect(await statusOf(url(), { headers: { origin } })).toBe(403)
    }
    expect(await statusOf(url(), { headers: { origin: new URL(url()).origin } })).toBe(200)
  })
})

/** Changes that only the owner of the state directory may make. */
const changes = [
  ['card-provider', 'PATCH', () => `${system.urls.cardProvider}/settings`],
  ['card-provider', 'POST', () => `${system.urls.cardProvider}/settings/reset`],
  ['mailbox', 'PATCH', () => `${system.urls.mailbox}/settings`],
  ['mailbox', 'POST', () => `${system.urls.mailbox}/settings/reset`],
] as const

test.each(changes)('%s: %s of the settings needs the token', async (_name, method, url) => {
  const ask = (headers: Record<string, string>) =>
    statusOf(url(), {
      method,
      headers: method === 'PATCH' ? { ...headers, 'content-type': 'application/json' } : headers,
      ...(method === 'PATCH' ? { body: '{}' } : {}),
    })
  expect(await ask({})).toBe(401)
  expect(await ask({ authorization: 'Bearer wrong' })).toBe(401)
  expect(await ask({ authorization: `Bearer ${system.secrets.cardProviderSecretKey}` })).toBe(401)
  expect(await ask({ authorization: `Bearer ${system.controlToken}` })).toBe(200)
  expect(await ask({ authorization: `BEARER  ${system.controlToken}` })).toBe(200)
})

test('the fault proxy tells nobody without the token about the links, and changes none', async () => {
  const { faults } = system
  const [link] = (await faults?.list()) ?? []
  const url = faults?.url ?? ''
  for (const [method, path] of [
    ['GET', '/proxies'],
    ['POST', '/reset'],
    ['PATCH', `/proxies/${link?.name}`],
    ['POST', '/fault-log'],
    ['GET', '/fault-log/open'],
  ] as const) {
    expect([path, await statusOf(`${url}${path}`, { method })]).toEqual([path, 401])
  }
  expect(await statusOf(`${url}/token/wrong/proxies`)).toBe(401)
  expect(await statusOf(`${url}/token/${system.controlToken}/proxies`)).toBe(200)
  expect(await system.logs('faults')).not.toContain(system.controlToken)
  expect(await statusOf(`${url}/health`)).toBe(200)
  expect(await statusOf(`${url}/health`, { headers: { host: 'evil.example' } })).toBe(403)
})

test('a page cannot write traces with a request that needs no permission', async () => {
  const traces = '{"resourceSpans":[]}'
  const send = (type: string) =>
    statusOf(`${system.urls.traceSink}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: traces,
    })
  expect(await send('text/plain')).toBe(415)
  expect(await send('application/json')).toBe(200)
})
