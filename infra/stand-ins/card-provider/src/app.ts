import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify, { LogController } from 'fastify'
import { about } from './about.ts'
import type { ApiError } from './api-error.ts'
import { apiError } from './api-error.ts'
import type { ChargeBook } from './charge-book.ts'
import { dialRoutes } from './dial-routes.ts'
import type { Dials } from './dials.ts'
import { limits } from './limits.ts'
import { paymentIntentRoutes } from './payment-intent-routes.ts'
import type { TruthLog } from './truth-log.ts'
import { truthRoutes } from './truth-routes.ts'

export type AppDeps = Readonly<{
  secretKey: string
  book: ChargeBook
  dials: Dials
  truth: TruthLog
  /** Aborted when the process stops: waiting charges are given up, silent sockets are cut. */
  stop: AbortSignal
}>

/** Builds the provider's HTTP side. Opens nothing; the caller listens and closes. */
export function buildApp({ secretKey, book, dials, truth, stop }: AppDeps): FastifyInstance {
  const app = Fastify({
    logger: { base: null },
    logController: new LogController({
      disableRequestLogging: true,
      requestIdLogLabel: 'requestId',
    }),
    genReqId: () => `req_${randomBytes(9).toString('hex')}`,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestReadMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    // A dial that is mistyped must be refused, not trimmed or coerced.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  app.server.maxConnections = limits.connectionsMax

  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id)
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url.slice(0, 100)}).`
    return reply.code(404).send(apiError(404, 'invalid_request_error', message).body)
  })

  app.get('/', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(about))
  app.get('/health', async (_request, reply) => {
    const status = truth.failure() === undefined ? 'ok' : 'the truth log cannot be written'
    return reply.code(status === 'ok' ? 200 : 503).send({ status })
  })
  app.register(dialRoutes, { dials, truth })
  app.register(truthRoutes, { truth })
  app.register(paymentIntentRoutes, {
    prefix: '/v1',
    deps: {
      secretKey,
      book,
      dials,
      truth,
      stop,
      wait: ms => (ms === 0 ? Promise.resolve() : sleep(ms, undefined, { signal: stop })),
      newIntentId: () => `pi_${randomBytes(12).toString('hex')}`,
    },
  })
  return app
}

/** One line per answered request. Bodies and query strings stay out: they may carry card values. */
function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.routeOptions.url ?? 'unknown'
  if (path === '/health') return
  const elapsedMs = Math.round(reply.elapsedTime)
  const { method } = request
  const { statusCode: status } = reply
  request.log.info({ event: 'request.answered', method, path, status, elapsedMs }, 'answered')
}

function answerError(
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  const { status, body } = errorAnswer(error)
  if (status >= 500) request.log.error({ event: 'request.failed', err: error }, 'request failed')
  return reply.code(status).send(body)
}

function errorAnswer(error: FastifyError): ApiError {
  if (error.name === 'AbortError') {
    return apiError(503, 'api_error', 'The card provider is stopping.')
  }
  if ((error.statusCode ?? 500) >= 500) {
    return apiError(500, 'api_error', 'An error occurred with our API.')
  }
  const param = refusedField(error)
  const message = param === undefined ? error.message : `${param}: ${error.message}`
  return apiError(error.statusCode ?? 400, 'invalid_request_error', message, { param })
}

/** The field a schema refused: unknown ones are named beside the path, the others by it. */
function refusedField({ validation }: FastifyError): string | undefined {
  const [first] = validation ?? []
  const unknown = first?.params['additionalProperty']
  return typeof unknown === 'string' ? unknown : first?.instancePath.slice(1) || undefined
}
