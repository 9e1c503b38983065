import fastifyStatic from '@fastify/static'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Fastify, { LogController } from 'fastify'
import type { AppendLog } from '../../append-log.ts'
import { dropUnreadBody } from '../../drop-unread-body.ts'
import { describeRefused, refuseForeigners } from '../../local-guard.ts'
import type { SettingsControl } from '../../settings-control.ts'
import { readStrictJson } from '../../strict-json.ts'
import type { FaultSettings, Settings } from './fault-settings.ts'
import { limits } from './limits.ts'
import type { MailLogEntry } from './mail-log-entry.ts'
import type { MailStore } from './mail-store.ts'
import { mailRoutes, settingsRoutes } from './routes.ts'

export type AppDeps = Readonly<{
  settings: Settings
  control: SettingsControl<FaultSettings>
  log: AppendLog<MailLogEntry>
  store: MailStore
  controlToken: string
}>

/**
 * Mails come from strangers. The page may therefore run its own script and style and read this
 * server, and nothing else: no other script, image, frame or form. Trusted types make the browser
 * refuse every attempt of the script to set text from a mail as markup.
 */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ')

const pageFolder = new URL('../public/', import.meta.url)

/** Builds the HTTP side of the mailbox. It opens nothing; the caller listens and closes. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const { settings, control, log, store, controlToken } = deps
  const app = Fastify({
    logger: { base: null },
    logController: new LogController({ disableRequestLogging: true }),
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
  app.addHook('onRequest', refuseForeigners)
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff').header('cache-control', 'no-store')
  })
  app.addHook('onSend', async ({ raw }, reply, payload) => {
    await dropUnreadBody(raw)
    if (!raw.complete) reply.header('connection', 'close')
    return payload
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => answerError(error, request, reply))

  app.get('/health', async (_request, reply) => {
    const status = log.failure() === undefined ? 'ok' : 'the mail log cannot be written'
    return reply.code(status === 'ok' ? 200 : 503).send({ status })
  })
  app.register(fastifyStatic, {
    root: pageFolder,
    wildcard: false,
    cacheControl: false,
    setHeaders: reply => void reply.header('content-security-policy', contentSecurityPolicy),
  })
  app.register(mailRoutes, { store })
  app.register(settingsRoutes, { settings, control, controlToken })
  return app
}

/** Logs one line per request, without the query string, which can hold a mail address. */
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
  const status = error.statusCode ?? 500
  // The fault log did not answer, which is no fault of the mailbox.
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
