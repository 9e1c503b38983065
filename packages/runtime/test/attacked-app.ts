import { setTimeout } from 'node:timers/promises'
import { singleLine, strict } from '@nightshift/contracts/primitives'
import { Type } from 'typebox'
import { deadlineOf } from '../src/http/request-state.ts'
import { buildHttpServer, type HttpServerOptions } from '../src/http/server.ts'
import { openLog } from '../src/telemetry/logger.ts'
import { createMetrics } from '../src/telemetry/metrics.ts'

export const limits = {
  requestBudgetMs: 300,
  // A busy machine may stall this process, which is both sides, for a part of a second.
  receiveMs: 800,
  keepAliveMs: 5_000,
  bodyBytesMax: 1_024,
  connectionsMax: 100,
  acceptQueueMax: 16,
} as const

/** The limits of a pattern are not tested here, but the answers to clients that exceed one. */
const slowClients = {
  settings: {
    requestTimeout: limits.receiveMs,
    headersTimeout: limits.receiveMs,
    connectionTimeout: limits.requestBudgetMs + 2_500,
    connectionsCheckingInterval: limits.receiveMs / 5,
  },
  lostHandlerMs: limits.requestBudgetMs + 2_000,
  watch: () => {},
}

const open = { public: true } as const

/** More than the buffers between two processes of one machine hold. */
const large = Buffer.alloc(32 * 1024 * 1024)

const Thing = Type.Object(
  { name: singleLine(40, 'A name.'), count: Type.Integer({ minimum: 1 }) },
  strict,
)

/** What a handler may do wrong, by name. */
const failures: Record<string, () => unknown> = {
  unexpected: () => {
    throw new Error('the secret plan is in table plans')
  },
  'postgres-away': () => {
    throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:5432'), { code: 'ECONNREFUSED' })
  },
  'rejected-with-nothing': () => Promise.reject(),
  'rejected-with-text': () => Promise.reject('the secret plan'),
  'a-status-of-its-own': () => {
    throw Object.assign(new Error('the secret plan'), { statusCode: 418 })
  },
  'another-shape': () => ({ unheard: 'of' }),
  stuck: () => new Promise(() => {}),
}

/** A small app with everything that a public port has, and what it was handed and what it logged. */
export async function openAttackedApp(options: Pick<HttpServerOptions, 'entrance'> = {}) {
  const lines: Record<string, unknown>[] = []
  const handled: unknown[] = []
  const log = openLog('attacked', { write: line => void lines.push(JSON.parse(line)) })
  const metrics = createMetrics('attacked')
  const app = await buildHttpServer({
    ...options,
    title: 'Attacked',
    description: '',
    limits,
    log,
    metrics,
    slowClients,
    readBudget: (header, ownBudgetMs) => Math.min(Number(header ?? ownBudgetMs), ownBudgetMs),
  })
  let atWork = 0
  app.server.on('request', (_request, response) => {
    atWork += 1
    response.once('close', () => {
      atWork -= 1
    })
  })
  app.post(
    '/things',
    { config: open, schema: { body: Thing, response: { 201: Thing } } },
    async (request, reply) => {
      handled.push(request.body)
      return reply.code(201).send(request.body)
    },
  )
  app.get(
    '/things/:thingId',
    {
      config: open,
      schema: {
        params: Type.Object({ thingId: Type.String({ pattern: '^[a-z]+$' }) }),
        querystring: Type.Object({ limit: Type.Optional(Type.Integer()) }, strict),
      },
    },
    async request => ({ ...request.query }),
  )
  app.get('/deadline', { config: open }, async request => {
    const givenMs = deadlineOf(request).remainingMs()
    // A handler that uses all of its time does the same.
    await setTimeout(givenMs)
    return { givenMs }
  })
  app.get('/large', { config: open }, (_request, reply) => reply.send(large))
  app.route<{ Params: { how: string } }>({
    method: ['GET', 'POST'],
    url: '/failures/:how',
    config: open,
    schema: { response: { 200: Type.Object({ known: Type.String() }) } },
    // biome-ignore lint/suspicious/noExplicitAny: what it answers fits nothing, which is the point
    handler: async (request): Promise<any> => failures[request.params.how]?.(),
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  const address = app.server.address()
  if (typeof address !== 'object' || !address) throw new Error('it does not listen')
  return { app, port: address.port, lines, handled, metrics, atWork: () => atWork }
}

export type AttackedApp = Awaited<ReturnType<typeof openAttackedApp>>
