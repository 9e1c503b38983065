import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { NoTurn } from '../process/turns.ts'
import type { Log } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import type { Authenticate } from './authenticate.ts'
import { answerBrokenRequests } from './broken-request.ts'
import { watchConnections } from './connections.ts'
import { dropRest, dropRestBeforeAnswers } from './drop-rest.ts'
import { observeRequests, type RecordRequest, requestRecorder } from './observe-requests.ts'
import { type Refusal, sendProblem } from './problem.ts'
import { LostHandler, malformedRequest, methodNotAllowed, notFound, refusalOf } from './refusals.ts'
import { note, stateOf } from './request-state.ts'
import { guardRoutes } from './route-access.ts'
import { takeOnlyStrictInput } from './strict-input.ts'

export type HttpServerLimits = {
  /** From the head of a request to its answer; a caller may ask for less. */
  requestBudgetMs: number
  keepAliveMs: number
  bodyBytesMax: number
  connectionsMax: number
  /**
   * So many new connections wait in the kernel until the process accepts them. The kernel drops what comes
   * above it, and its client asks again after a second.
   */
  acceptQueueMax: number
}

/** The budget of a request in milliseconds, from what its caller said and our own budget. */
export type ReadBudget = (header: string | string[] | undefined, ownBudgetMs: number) => number

/** What a server does about clients that are slow or silent. */
export type SlowClients = Readonly<{
  /** Unset ones are those of Fastify and Node. */
  settings: Readonly<{
    requestTimeout?: number
    headersTimeout?: number
    connectionTimeout?: number
    connectionsCheckingInterval?: number
  }>
  /** From the head of a request, until it is answered for its handler. Unset: however long that takes. */
  lostHandlerMs?: number
  watch: (server: Server) => void
}>

/** Asked for each request before anything is known about it. */
export type Entrance = Readonly<{
  /** Called once, before the server accepts connections. */
  watch: (server: Server) => void
  /** What a request of this connection is refused with now, if it is. */
  refuse: (connection: Socket) => Refusal | undefined
  /** Called once for each request that was not refused, when its work has ended. */
  answered: () => void
}>

export type HttpServerOptions = {
  title: string
  description: string
  limits: HttpServerLimits
  log: Log
  metrics: Metrics
  /** Finds the holder of an API key. Unset: every route is public. */
  authenticate?: Authenticate
  /** Unset: every request has our own budget, whatever its caller says. */
  readBudget?: ReadBudget
  /** Unset: every request is let in. */
  entrance?: Entrance
  /** Unset: what Fastify and Node do by themselves. */
  slowClients?: SlowClients
}

/** How late an answer may be when the server closes. */
const drainMs = 500

/**
 * A Fastify server with what every public port of this system promises: strict bodies, problems as
 * RFC 9457, one canonical log line, one span and one measurement per request, and bounded waits. A
 * route that does not declare its access is an error.
 */
export async function buildHttpServer(options: HttpServerOptions) {
  const { limits, slowClients, entrance } = options
  const { headersTimeout, connectionsCheckingInterval, ...timeouts } = slowClients?.settings ?? {}
  const record = requestRecorder(options.log, options.metrics)
  const app = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: limits.bodyBytesMax,
    ...timeouts,
    keepAliveTimeout: limits.keepAliveMs,
    http: {
      ...(connectionsCheckingInterval !== undefined && { connectionsCheckingInterval }),
      // Node would answer a request without a Host itself, with an empty body.
      requireHostHeader: false,
    },
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 100 },
    clientErrorHandler: (error, socket) => answerBroken(error, socket),
    frameworkErrors: (error, request, reply) => {
      void refuseUnrouted(error, request as FastifyRequest, reply as FastifyReply, record)
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = limits.connectionsMax
  if (headersTimeout !== undefined) app.server.headersTimeout = headersTimeout
  const connections = watchConnections(app, limits.requestBudgetMs + drainMs)
  slowClients?.watch(app.server)
  const answerBroken = answerBrokenRequests(app, connections, record)
  takeOnlyStrictInput(app)
  dropRestBeforeAnswers(app)

  app.setErrorHandler(async (error: unknown, request, reply) => {
    const refusal = refusalOf(error, request.raw.complete)
    if (refusal.status >= 500) stateOf(request).facts['error'] = error
    if (error instanceof NoTurn) note(request, { refusedAt: 'queue' })
    return sendProblem(request, reply, refusal)
  })

  const { requestBudgetMs } = limits
  const { readBudget = () => requestBudgetMs } = options
  // Prometheus sees an increase only of a series that was there before, and 503 is what alerts count.
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat().filter(name => name !== 'HEAD')) {
      options.metrics.httpRequestSeconds.zero({ method: each, route: url, status: '503' })
    }
  })
  tellHowToTreatAnswers(app)
  const { lostHandlerMs } = slowClients ?? {}
  observeRequests(app, header => readBudget(header, requestBudgetMs), record)
  if (lostHandlerMs !== undefined) answerForLostHandlers(app, lostHandlerMs)
  if (entrance) guardEntrance(app, entrance)
  requireOneOfEach(app)
  guardRoutes(app, options.authenticate)
  requireRoute(app)
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: options.title, description: options.description, version: '1.0.0' },
      components: { securitySchemes: { apiKey: { type: 'http', scheme: 'bearer' } } },
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, i) => String(json.$id ?? `def-${i}`),
    },
  })
  return Object.assign(app, {
    acceptAt: (place: { host: string; port: number }) =>
      app.listen({ ...place, backlog: limits.acceptQueueMax }),
    endAfterAnswers: connections.endAfterAnswers,
  })
}

/**
 * An answer is what its content type says, and an answer for one caller is not kept for another, by a
 * proxy or by a browser. Only a public route may say otherwise.
 */
function tellHowToTreatAnswers(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-content-type-options', 'nosniff')
    if (request.routeOptions.config.public !== true) reply.header('cache-control', 'no-store')
    done()
  })
}

/** A URL that can't be decoded or is too long reaches the router and no hook. */
async function refuseUnrouted(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  record: RecordRequest,
): Promise<void> {
  await dropRest(request.raw)
  const refusal = refusalOf(error, request.raw.complete)
  void sendProblem(request, reply, refusal)
  const { id: requestId, method } = request
  record({ requestId, method, route: 'unmatched', status: refusal.status, durationMs: 0 })
}

/**
 * Answers for a handler that has ignored its deadline. Fastify's own `handlerTimeout` (5.12) is over as soon
 * as the body was read, because it watches the stream of the body: no POST had it.
 */
function answerForLostHandlers(app: FastifyInstance, afterMs: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    stateOf(request).whenLost = setTimeout(() => {
      if (!reply.sent) void reply.send(new LostHandler(`no answer after ${afterMs} ms`))
    }, afterMs)
    done()
  })
}

/** A refusal has to cost little: no key is looked up, and no body is read. */
function guardEntrance(app: FastifyInstance, entrance: Entrance): void {
  entrance.watch(app.server)
  app.addHook('onRequest', (request, reply, done) => {
    const refusal = entrance.refuse(request.raw.socket)
    if (!refusal) {
      stateOf(request).whenEnded = entrance.answered
      return done()
    }
    note(request, { refusedAt: 'entrance' })
    void sendProblem(request, reply, refusal)
  })
}

/** Headers of which Node keeps the first and silently drops any other. */
const onceOnly = new Set(['host', 'content-type', 'authorization'])

/** Two of them would mean one thing to a proxy and another to us (RFC 9112, 3.2). */
function requireOneOfEach(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (hasOneOfEach(request.raw)) return done()
    reply.header('connection', 'close')
    void sendProblem(request, reply, malformedRequest)
  })
}

function hasOneOfEach({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const given = new Set<string>()
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]?.toLowerCase() ?? ''
    if (!onceOnly.has(name)) continue
    if (given.has(name)) return false
    given.add(name)
  }
  return given.has('host') || httpVersion === '1.0'
}

/** Refuses an unknown path or method before its body is read. */
function requireRoute(app: FastifyInstance): void {
  const allowed = rememberMethods(app)
  app.addHook('onRequest', (request, reply, done) => {
    if (!request.is404) return done()
    const methods = allowed(request.url)
    if (methods.length > 0) reply.header('allow', methods.join(', '))
    void sendProblem(request, reply, methods.length === 0 ? notFound : methodNotAllowed)
  })
}

/** Answers which methods a path has, so that a wrong one is told apart from a wrong path. */
function rememberMethods(app: FastifyInstance): (url: string) => string[] {
  const routes: { method: string; pattern: RegExp }[] = []
  app.addHook('onRoute', ({ method, url }) => {
    const pattern = new RegExp(`^${url.replace(/:[^/]+/g, '[^/]+')}$`)
    for (const one of [method].flat()) routes.push({ method: one, pattern })
  })
  return url => {
    const path = url.split('?', 1)[0] ?? ''
    return [...new Set(routes.filter(r => r.pattern.test(path)).map(r => r.method))].sort()
  }
}
