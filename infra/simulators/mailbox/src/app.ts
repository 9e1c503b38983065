import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify, { LogController } from 'fastify'
import type { AppendLog } from '../../append-log.ts'
import { dropRest } from '../../drop-rest.ts'
import { readPlainJson } from '../../plain-json.ts'
import type { SettingControl } from '../../settings-control.ts'
import type { FaultSettings, Settings } from './fault-settings.ts'
import { settingRoutes } from './fault-settings-routes.ts'
import { limits } from './limits.ts'
import type { MailEntry } from './mail-entry.ts'
import { mailRoutes } from './mail-routes.ts'
import type { MailStore } from './mail-store.ts'

export type AppDeps = Readonly<{
  settings: Settings
  control: SettingControl<FaultSettings>
  log: AppendLog<MailEntry>
  store: MailStore
}>

/** Builds the mailbox's HTTP side. Opens nothing; the caller listens and closes. */
export function buildApp({ settings, control, log, store }: AppDeps): FastifyInstance {
  const app = Fastify({
    logger: { base: null },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: limits.requestReadMs,
    keepAliveTimeout: limits.keepAliveMs,
    forceCloseConnections: 'idle',
    // A setting that is mistyped must be refused, not trimmed or coerced.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  app.server.maxConnections = limits.connectionsMax

  app.removeContentTypeParser('application/json')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, readPlainJson)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
  })
  app.addHook('onSend', async ({ raw }, reply, payload) => {
    await dropRest(raw)
    if (!raw.complete) reply.header('connection', 'close')
    return payload
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply))

  app.get('/health', async (_request, reply) => {
    const status = log.failure() === undefined ? 'ok' : 'the mail log cannot be written'
    return reply.code(status === 'ok' ? 200 : 503).send({ status })
  })
  app.register(settingRoutes, { settings, control })
  app.register(mailRoutes, { store })
  return app
}

/** One line per request, without query strings: they hold addresses. */
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
  const status = error.statusCode ?? 500
  // The log of faults, which somebody else keeps, was not to be reached.
  if (status === 502) return reply.code(502).send({ error: error.message })
  if (status >= 500) {
    request.log.error({ event: 'request.failed', err: error }, 'request failed')
    return reply.code(500).send({ error: 'the mailbox failed' })
  }
  const [first] = error.validation ?? []
  const unknown = first?.params['additionalProperty']
  const message = typeof unknown === 'string' ? `${unknown}: ${error.message}` : error.message
  return reply.code(status).send({ error: message })
}
