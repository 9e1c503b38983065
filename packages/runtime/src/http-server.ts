import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import { context, trace } from '@opentelemetry/api'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import { findPrincipal, tenantHeader } from './api-keys.ts'
import { budgetFromHeader, deadlineHeader, deadlineIn } from './deadline.ts'
import type { Log } from './logger.ts'
import type { Metrics } from './metrics.ts'
import { isPostgresAway, type Queryable } from './postgres.ts'
import { jitteredRetryAfterSeconds, type Refusal, sendProblem } from './problem.ts'
import { stateOf } from './request-state.ts'
import { contextFrom, SpanKind, startSpan } from './telemetry.ts'

export type HttpServerLimits = {
  /** From the head of a request to its answer; a caller may ask for less. */
  requestBudgetMs: number
  /** Receiving the whole request: cuts off those who send a byte a second. */
  receiveMs: number
  keepAliveMs: number
  bodyBytesMax: number
  connectionsMax: number
}

export type HttpServerOptions = {
  title: string
  description: string
  limits: HttpServerLimits
  log: Log
  metrics: Metrics
}

/**
 * A Fastify server with what every public port of this system promises: strict bodies, problems as
 * RFC 9457, one canonical log line, one span and one measurement per request, and bounded waits.
 */
export async function buildHttpServer(options: HttpServerOptions) {
  const { limits, log, metrics } = options
  const app = Fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.receiveMs,
    keepAliveTimeout: limits.keepAliveMs,
    // Longer than any budget: this only ends a handler that lost its own deadline.
    handlerTimeout: limits.requestBudgetMs + 2_000,
    routerOptions: { ignoreTrailingSlash: false, maxParamLength: 100 },
    clientErrorHandler: answerBrokenRequest,
  }).withTypeProvider<TypeBoxTypeProvider>()
  app.server.maxConnections = limits.connectionsMax
  app.server.headersTimeout = limits.receiveMs

  app.setValidatorCompiler(compileStrictly())
  // Fastify parses text/plain too, past any schema: a way around the validation.
  app.removeContentTypeParser('text/plain')

  const allowed = rememberMethods(app)
  app.setNotFoundHandler((request, reply) => {
    const methods = allowed(request.url)
    if (methods.length === 0) return sendProblem(request, reply, notFound)
    reply.header('allow', methods.join(', '))
    return sendProblem(request, reply, methodNotAllowed)
  })
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const refusal = refusalOf(error)
    if (refusal.status === 500) stateOf(request).facts['error'] = error
    return sendProblem(request, reply, refusal)
  })

  observeRequests(app, limits, log, metrics)
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
  return app
}

/** Routes registered in the scope of this hook are for holders of an API key. */
export function requireApiKey(app: FastifyInstance, db: Queryable): void {
  app.addHook('onRequest', async (request, reply) => {
    const { authorization, [tenantHeader]: tenant } = request.headers
    const principal = await findPrincipal(db, authorization, tenant)
    if (!principal) {
      reply.header('www-authenticate', 'Bearer realm="nightshift"')
      return sendProblem(request, reply, unauthorized)
    }
    const state = stateOf(request)
    state.principal = principal
    state.facts['tenantId'] = principal.tenantId
  })
}

/**
 * Two validators. A body is JSON and says what type a thing is, so nothing in it is converted or
 * removed. A query string has only text, so "12" may be a number there; it is still not trimmed.
 */
function compileStrictly() {
  const shared = { removeAdditional: false, useDefaults: true, allErrors: false } as const
  const body = new Ajv({ ...shared, coerceTypes: false, keywords: ['kind'] })
  const text = new Ajv({ ...shared, coerceTypes: true, keywords: ['kind'] })
  for (const ajv of [body, text]) addFormats.default(ajv)
  return ({ schema, httpPart }: { schema: object; httpPart?: string }) =>
    (httpPart === 'body' ? body : text).compile(schema)
}

function observeRequests(
  app: FastifyInstance,
  limits: HttpServerLimits,
  log: Log,
  metrics: Metrics,
): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const state = stateOf(request)
    state.deadline = deadlineIn(
      budgetFromHeader(request.headers[deadlineHeader], limits.requestBudgetMs),
    )
    const parent = contextFrom(headerText(request.headers['traceparent']))
    state.span = startSpan(`${request.method} ${routeOf(request)}`, {
      kind: SpanKind.SERVER,
      parent,
      attributes: { 'http.request.method': request.method, 'http.route': routeOf(request) },
    })
    state.context = trace.setSpan(parent, state.span)
    context.with(state.context, done)
  })
  // A body is read from socket events, which run in another asynchronous context than the hooks
  // before it: enter the context of the span again.
  app.addHook('preValidation', (request, _reply, done) => {
    context.with(stateOf(request).context, done)
  })
  app.addHook('onResponse', async (request, reply) => {
    const { span, facts, context: active } = stateOf(request)
    const status = reply.statusCode
    const durationMs = Math.round(reply.elapsedTime * 100) / 100
    span?.setAttribute('http.response.status_code', status)
    if (status >= 500) span?.setAttribute('error.type', String(status))
    span?.end()
    metrics.httpRequestSeconds.observe(
      { method: request.method, route: routeOf(request), status: String(status) },
      reply.elapsedTime / 1000,
    )
    const line = {
      event: 'http.request',
      requestId: request.id,
      method: request.method,
      route: routeOf(request),
      status,
      durationMs,
      ...facts,
    } as const
    context.with(active, () => (status >= 500 ? log.error(line) : log.info(line)))
  })
}

/** The template and not the URL: ids must become neither labels nor span names. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unmatched'
}

function headerText(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
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

const notFound: Refusal = {
  status: 404,
  slug: 'not-found',
  title: 'There is no such thing',
}
const methodNotAllowed: Refusal = {
  status: 405,
  slug: 'method-not-allowed',
  title: 'This path does not know that method',
}
const unauthorized: Refusal = {
  status: 401,
  slug: 'unauthorized',
  title: 'A valid API key is needed',
  detail: 'Send it as `Authorization: Bearer ns_test_...`.',
}

/** What a failure inside Fastify or a handler says to the caller. Never echoes what was sent. */
function refusalOf(error: FastifyError): Refusal {
  if (error.validation) {
    return {
      status: 400,
      slug: 'validation-error',
      title: 'The request does not have the form that this route takes',
      errors: error.validation.map(mistake => ({
        pointer: `${mistake.instancePath}${missingOrUnknown(mistake.params)}`,
        message: mistake.message ?? 'is not valid',
      })),
    }
  }
  const known = knownRefusals[error.code] ?? knownRefusals[String(error.statusCode)]
  if (known) return known
  if (isPostgresAway(error)) {
    return { ...unavailable, retryAfterSeconds: jitteredRetryAfterSeconds() }
  }
  return { status: 500, slug: 'internal-error', title: 'This is a mistake of ours' }
}

function missingOrUnknown(params: Record<string, unknown>): string {
  const name = params['missingProperty'] ?? params['additionalProperty']
  return typeof name === 'string' ? `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}` : ''
}

const unavailable: Refusal = {
  status: 503,
  slug: 'unavailable',
  title: 'A part of the system is away',
  detail: 'Nothing was decided. The same request may be sent again, with the same key.',
}
const malformedJson: Refusal = {
  status: 400,
  slug: 'malformed-json',
  title: 'The body is not JSON',
}
const unsupportedMediaType: Refusal = {
  status: 415,
  slug: 'unsupported-media-type',
  title: 'Bodies are application/json',
}
const knownRefusals: Record<string, Refusal | undefined> = {
  FST_ERR_CTP_EMPTY_JSON_BODY: malformedJson,
  FST_ERR_CTP_INVALID_JSON_BODY: malformedJson,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: unsupportedMediaType,
  FST_ERR_CTP_BODY_TOO_LARGE: {
    status: 413,
    slug: 'payload-too-large',
    title: 'The body is too large',
  },
  FST_ERR_HANDLER_TIMEOUT: unavailable,
  '400': { status: 400, slug: 'malformed-request', title: 'The request is malformed' },
  '404': notFound,
  '415': unsupportedMediaType,
}

/** What arrives here is not an HTTP request, so there is no route and no reply: only a socket. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable) return void socket.destroy()
  const [status, slug, title] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers-too-large', 'The headers are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request-timeout', 'The request took too long to arrive']
        : ['400 Bad Request', 'malformed-request', 'The request is malformed']
  const body = JSON.stringify({
    type: `/problems/${slug}`,
    title,
    status: Number.parseInt(status ?? '400', 10),
    instance: randomUUID(),
  })
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/problem+json; charset=utf-8\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}
