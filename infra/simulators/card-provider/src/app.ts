import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import Fastify, { LogController } from 'fastify'
import { dropUnreadBody } from '../../drop-unread-body.ts'
import { describeRefused, refuseForeigners } from '../../local-guard.ts'
import type { SettingsControl } from '../../settings-control.ts'
import { readStrictJson } from '../../strict-json.ts'
import type { ApiError } from './answers/api-error.ts'
import { apiError } from './answers/api-error.ts'
import { requireKey } from './http/authorize.ts'
import { type OperationDeps, operationRoutes } from './http/operation-routes.ts'
import { operatorRoutes } from './http/operator-routes.ts'
import { publicRoutes } from './http/public-routes.ts'
import { readRoutes } from './http/read-routes.ts'
import { settlementRoutes } from './http/settlement-routes.ts'
import { limits } from './limits.ts'
import type { ProviderLog } from './log/provider-log.ts'
import type { RefusalCount } from './log/refusal-count.ts'
import type { PerformOperationDeps } from './operations/perform-operation.ts'
import type { FaultSettings } from './settings/fault-settings.ts'
import { createQuota } from './settings/quota.ts'
import type { Settlement } from './store/settlement.ts'

export type AppDeps = Omit<PerformOperationDeps, 'providerLog' | 'wait'> &
  Readonly<{
    secretKey: string
    controlToken: string
    providerLog: ProviderLog
    settlement: Settlement
    control: SettingsControl<FaultSettings>
    refusalCount: RefusalCount
    /** An abort means that the process stops: waiting requests end, and sockets are closed. */
    stop: AbortSignal
  }>

/** Builds the HTTP side of the provider. It opens nothing; the caller listens and closes. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const { settings, control, controlToken, providerLog, settlement, secretKey, stop } = deps
  const routes: string[] = []
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
    // A mistyped setting must be refused, not removed or coerced.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  app.server.maxConnections = limits.connectionsMax

  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, readStrictJson)
  app.addHook('onRoute', ({ method, url }) => {
    if (method !== 'HEAD') routes.push(`${String(method).padEnd(5)} ${url}`)
  })
  app.addHook('onRequest', async (request, reply) => {
    reply.header('request-id', request.id)
  })
  app.addHook('onRequest', refuseForeigners)
  app.addHook('onSend', async ({ raw }, reply, payload) => {
    await dropUnreadBody(raw)
    if (!raw.complete) reply.header('connection', 'close')
    return payload
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply))
  app.setNotFoundHandler((request, reply) => {
    const message = `Unrecognized request URL (${request.method}: ${request.url.slice(0, 100)}).`
    return reply.code(404).send(apiError(404, 'invalid_request_error', message).body)
  })

  app.register(publicRoutes, { settings, providerLog, store: deps.store, routes })
  app.register(operatorRoutes, { settings, control, controlToken, providerLog })
  app.register(settlementRoutes, { settlement, providerLog, secretKey })
  app.register(v1Routes, {
    prefix: '/v1',
    secretKey,
    deps: {
      ...deps,
      quota: createQuota(() => performance.now()),
      wait: ms => (ms === 0 ? Promise.resolve() : sleep(ms, undefined, { signal: stop })),
    },
  })
  return app
}

const stripeVersion = /^[\w.-]{1,60}$/

/** Serves the simulated part of Stripe's API, behind its secret key. */
const v1Routes: FastifyPluginAsync<{ deps: OperationDeps; secretKey: string }> = async (
  app,
  { deps, secretKey },
) => {
  app.addHook('onRequest', async (request, reply) => {
    const version = request.headers['stripe-version']
    if (typeof version === 'string' && stripeVersion.test(version)) {
      reply.header('stripe-version', version)
    }
  })
  app.addHook('onRequest', requireKey(secretKey))
  app.register(readRoutes, { deps })
  app.register(operationRoutes, { deps })
}

/** Logs one line per request, without body and query string, which can hold card values. */
function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const path = request.routeOptions.url ?? 'unknown'
  if (path === '/health') return
  const elapsedMs = Math.round(reply.elapsedTime)
  const { method } = request
  const { statusCode: status } = reply
  const refused = describeRefused(request, status)
  const line = { event: 'request.answered', method, path, status, elapsedMs, ...refused }
  request.log.info(line, 'answered')
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
  // The fault log did not answer, which is no fault of the provider.
  if (error.statusCode === 502) return apiError(502, 'api_error', error.message)
  if ((error.statusCode ?? 500) >= 500) {
    return apiError(500, 'api_error', 'An error occurred with our API.')
  }
  const param = refusedField(error)
  const message = param === undefined ? error.message : `${param}: ${error.message}`
  return apiError(error.statusCode ?? 400, 'invalid_request_error', message, { param })
}

/** Names the field that a schema refused. For an unknown field the path names only its object. */
function refusedField({ validation }: FastifyError): string | undefined {
  const [first] = validation ?? []
  const unknown = first?.params['additionalProperty']
  return typeof unknown === 'string' ? unknown : first?.instancePath.slice(1) || undefined
}
