import type { FastifyPluginAsync } from 'fastify'
import { expect, test } from 'vitest'
import { openLog } from '../telemetry/logger.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import type { Authenticate, Principal } from './authenticate.ts'
import { tenantOf } from './request-state.ts'
import { routeAccessOf } from './route-access.ts'
import { buildHttpServer } from './server.ts'

const limits = {
  requestBudgetMs: 1_000,
  keepAliveMs: 5_000,
  bodyBytesMax: 1_024,
  connectionsMax: 10,
  acceptQueueMax: 16,
} as const

const reader: Principal = {
  tenantId: 'tenant',
  keyId: '0a0a0a0a',
  scopes: ['listings:read'],
}
const knowsOne: Authenticate = async header => (header === 'Bearer one' ? reader : undefined)

/** A server that knows one caller, and what it logged. */
async function openServer(authenticate?: Authenticate) {
  const lines: string[] = []
  const log = openLog('guarded', { write: line => void lines.push(line) })
  const server = { title: 'Guarded', description: '', limits, log, metrics: createMetrics('g') }
  const app = await buildHttpServer({ ...server, ...(authenticate && { authenticate }) })
  return { app, lines }
}

test('a route that does not declare its access is not built', async () => {
  const { app } = await openServer(knowsOne)
  const message = 'GET /forgotten must declare either a scope or `public: true`'
  expect(() => app.get('/forgotten', async () => 'seen')).toThrow(message)
  const both = { scope: 'listings:read', public: true } as const
  expect(() => app.get('/both', { config: both }, async () => 'seen')).toThrow('GET /both must')
})

test('the whole app is not built when such a route is deep in a plugin', async () => {
  const { app } = await openServer(knowsOne)
  const inner: FastifyPluginAsync = async scope => {
    scope.route({ method: ['PUT', 'PATCH'], url: '/deep', handler: async () => 'seen' })
  }
  const outer: FastifyPluginAsync = async scope => {
    await scope.register(inner)
  }
  await expect(app.register(outer)).rejects.toThrow('PUT, PATCH /deep must declare')
})

test('a route with a scope is not built on a server that can not authenticate', async () => {
  const { app } = await openServer()
  const config = { scope: 'listings:read' } as const
  expect(() => app.get('/closed', { config }, async () => 'seen')).toThrow(
    'there is no way to authenticate',
  )
})

test('the table of routes has the access of each', async () => {
  const { app } = await openServer(knowsOne)
  app.get('/open', { config: { public: true } }, async () => 'seen')
  app.post('/write', { config: { scope: 'listings:write' } }, async () => 'seen')
  expect(routeAccessOf(app)).toEqual([
    { method: 'GET', url: '/open', access: 'public' },
    { method: 'HEAD', url: '/open', access: 'public' },
    { method: 'POST', url: '/write', access: 'listings:write' },
  ])
})

test('the reference shows the scope that a route needs', async () => {
  const { app } = await openServer(knowsOne)
  app.get('/open', { config: { public: true } }, async () => 'seen')
  app.post('/write', { config: { scope: 'listings:write' } }, async () => 'seen')
  await app.ready()
  const paths = app.swagger().paths ?? {}
  expect(paths['/write']?.post?.security).toEqual([{ apiKey: ['listings:write'] }])
  expect(paths['/open']?.get?.security).toBeUndefined()
})

test('a caller gets 401 without a key or with a wrong one, and its answer with the right one', async () => {
  const { app, lines } = await openServer(knowsOne)
  app.get('/read', { config: { scope: 'listings:read' } }, async request => tenantOf(request))
  const ask = (headers: Record<string, string>) => app.inject({ url: '/read', headers })
  for (const headers of [{}, { authorization: 'Bearer two' }, { authorization: 'Basic one' }]) {
    const answer = await ask(headers as Record<string, string>)
    expect(answer.statusCode).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="nightshift"')
    expect(answer.json().type).toBe('/problems/unauthorized')
  }
  expect((await ask({ authorization: 'Bearer one' })).body).toBe('tenant')
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ tenantId: 'tenant', keyId: '0a0a0a0a' })
})

test.each([
  { held: 'payments:write', mayTake: 200, mayRefund: 200 },
  { held: 'payments:take', mayTake: 200, mayRefund: 403 },
  { held: 'payments:read', mayTake: 403, mayRefund: 403 },
])('a key for $held takes payments: $mayTake, and refunds them: $mayRefund', async expected => {
  const holder: Principal = { tenantId: 'tenant', keyId: '0b0b0b0b', scopes: [expected.held] }
  const { app } = await openServer(async () => holder)
  app.post('/take', { config: { scope: 'payments:take' } }, async () => 'taken')
  app.post('/refund', { config: { scope: 'payments:write' } }, async () => 'refunded')
  const statusOf = async (url: string) => (await app.inject({ url, method: 'POST' })).statusCode
  expect(await statusOf('/take')).toBe(expected.mayTake)
  expect(await statusOf('/refund')).toBe(expected.mayRefund)
})

test('the line of a 401 says why and from which address, and shows nothing of what was sent', async () => {
  const { app, lines } = await openServer(knowsOne)
  app.get('/read', { config: { scope: 'listings:read' } }, async request => tenantOf(request))
  const sent = { no_key: undefined, refused_key: 'Bearer wrong', other_scheme: 'Basic wrong' }
  for (const [reason, authorization] of Object.entries(sent)) {
    await app.inject({ url: '/read', headers: authorization ? { authorization } : {} })
    const line = lines.at(-1) ?? ''
    expect(JSON.parse(line)).toMatchObject({ status: 401, reason, peer: '127.0.0.1' })
    expect(line).not.toContain('wrong')
  }
})

test('the right key without the scope gets 403, before anything else is checked', async () => {
  const { app } = await openServer(knowsOne)
  let handled = 0
  app.post('/write', { config: { scope: 'listings:write' } }, async () => {
    handled += 1
  })
  const headers = { authorization: 'Bearer one', 'content-type': 'application/json' }
  const answer = await app.inject({ url: '/write', method: 'POST', headers, payload: '{broken' })
  expect(answer.statusCode).toBe(403)
  expect(answer.json()).toMatchObject({
    type: '/problems/insufficient-scope',
    detail: 'It needs `listings:write`.',
  })
  expect(answer.headers['www-authenticate']).toContain('error="insufficient_scope"')
  expect(handled).toBe(0)
})

test.each(['/open', '/read', '/nowhere'])(
  'a key in the URL of %s is refused, whoever calls, and is not logged',
  async path => {
    const { app, lines } = await openServer(knowsOne)
    app.get('/open', { config: { public: true } }, async () => 'seen')
    app.get('/read', { config: { scope: 'listings:read' } }, async () => 'seen')
    const url = `${path}?api_key=ns_test_0a0a0a0a_canary`
    const answer = await app.inject({ url, headers: { authorization: 'Bearer one' } })
    expect(answer.statusCode).toBe(400)
    expect(answer.json().type).toBe('/problems/key-in-url')
    expect(answer.body).not.toContain('canary')
    expect(lines.join()).not.toContain('canary')
  },
)

test.each([
  { url: '/open', authorization: 'Bearer one', status: 200, kept: undefined },
  { url: '/mine', authorization: 'Bearer one', status: 200, kept: 'no-store' },
  { url: '/mine', authorization: 'Bearer two', status: 401, kept: 'no-store' },
  { url: '/nothing', authorization: 'Bearer one', status: 404, kept: 'no-store' },
])(
  '$url answers $status, is not sniffed, and is kept: $kept',
  async ({ url, status, kept, ...headers }) => {
    const { app } = await openServer(knowsOne)
    app.get('/open', { config: { public: true } }, async () => 'seen')
    app.get('/mine', { config: { scope: 'listings:read' } }, async () => 'seen')
    const answer = await app.inject({ url, headers })
    expect(answer.statusCode).toBe(status)
    expect(answer.headers['x-content-type-options']).toBe('nosniff')
    expect(answer.headers['cache-control']).toBe(kept)
  },
)
