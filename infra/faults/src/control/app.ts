import type { IncomingMessage } from 'node:http'
import type {
  FastifyError,
  FastifyInstance,
  FastifyPluginAsync,
  FastifyReply,
  FastifyRequest,
} from 'fastify'
import Fastify, { LogController } from 'fastify'
import type { TSchema } from 'typebox'
import { dropUnreadBody } from '../../../simulators/drop-unread-body.ts'
import { describeRefused, refuseForeigners, requireToken } from '../../../simulators/local-guard.ts'
import { parseStrictJson } from '../../../simulators/strict-json.ts'
import { limits } from '../limits.ts'
import { apiError, badBody } from './api-error.ts'
import type { Control } from './control.ts'
import { faultLogRoutes, toxiproxyRoutes } from './routes.ts'
import { parse } from './schemas.ts'

/** The version of Toxiproxy whose API this is. */
const apiVersion = '2.12.0'

export type AppDeps = Readonly<{
  control: Control
  controlToken: string
  /** Why faults can no longer be written down; undefined while the log works. */
  failure: () => Error | undefined
}>

/** Builds the HTTP side of the control. Opens nothing; the caller listens and closes. */
export function buildApp({ control, controlToken, failure }: AppDeps): FastifyInstance {
  const app = Fastify({
    logger: { base: null },
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.controlBodyBytesMax,
    requestTimeout: limits.controlRequestReadMs,
    keepAliveTimeout: limits.controlKeepAliveMs,
    forceCloseConnections: true,
    rewriteUrl: readTokenInPath,
    // A name in a URL may be percent-encoded, three characters for each byte.
    routerOptions: { maxParamLength: 3 * limits.nameCharsMax },
  })
  app.server.maxConnections = limits.controlConnectionsMax

  // Toxiproxy reads JSON whatever the content type says, and its clients rely on that.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    '*',
    { parseAs: 'buffer' },
    async (_request: FastifyRequest, body: Buffer) => parseJson(body),
  )
  app.setValidatorCompiler<TSchema>(
    ({ schema }) =>
      value =>
        validate(schema, value),
  )
  app.addHook('onRequest', refuseForeigners)
  app.addHook('onRequest', async request => refuseBrowsers(request))
  app.addHook('onSend', async ({ raw }, reply, payload) => {
    await dropUnreadBody(raw)
    if (!raw.complete) reply.header('connection', 'close')
    return payload
  })
  app.addHook('onResponse', async (request, reply) => logAnswer(request, reply))
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    const { statusCode: status = 500, message } = inToxiproxysWords(error)
    if (status >= 500) request.log.error({ event: 'request.failed', err: error }, 'request failed')
    return reply.code(status).send({ error: message, status })
  })
  app.setNotFoundHandler(async () => {
    throw apiError(404, 'no such resource')
  })

  app.get('/version', async () => ({ version: apiVersion }))
  app.get('/health', async (_request, reply) => {
    const status = failure() === undefined ? 'ok' : 'the fault log cannot be written'
    return reply.code(status === 'ok' ? 200 : 503).send({ status })
  })
  app.register(guardedRoutes, { control, controlToken })
  return app
}

/** All that can be seen or changed needs the token. Version and health are for everybody. */
const guardedRoutes: FastifyPluginAsync<Pick<AppDeps, 'control' | 'controlToken'>> = async (
  app,
  { control, controlToken },
) => {
  app.addHook('onRequest', requireToken(controlToken))
  app.register(toxiproxyRoutes, { control })
  app.register(faultLogRoutes, { control })
}

/**
 * A client of Toxiproxy that can send no header has the token in its URL: `/token/<token>/proxies`. From here
 * on the request looks as if it had sent the header, and no log has the token.
 */
function readTokenInPath({ url = '/', headers }: IncomingMessage): string {
  const [, token, path] = /^\/token\/([\w-]{1,200})(\/.*)$/.exec(url) ?? []
  if (token === undefined || path === undefined) return url
  headers.authorization = `Bearer ${token}`
  return path
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined
  try {
    return parseStrictJson(body)
  } catch (cause) {
    throw badBody(cause instanceof Error ? cause.message : String(cause))
  }
}

/** Checks a body by the function that checks the proxies of the settings. */
function validate(schema: TSchema, value: unknown): { value: unknown } | { error: Error } {
  try {
    return { value: parse(schema, value) }
  } catch (error) {
    return { error: error as Error }
  }
}

/** Every mistake in a body is a 400 there, also that it is too large to be read. */
function inToxiproxysWords(error: FastifyError): Pick<FastifyError, 'statusCode' | 'message'> {
  return error.code === 'FST_ERR_CTP_BODY_TOO_LARGE' ? badBody(error.message) : error
}

/** Toxiproxy does the same: a page in a browser must not be able to break this system. */
async function refuseBrowsers(request: FastifyRequest): Promise<void> {
  if (request.headers['user-agent']?.startsWith('Mozilla/')) {
    throw apiError(403, 'User agent not allowed')
  }
}

function logAnswer(request: FastifyRequest, reply: FastifyReply): void {
  const { method, url: path } = request
  if (path === '/health') return
  const { statusCode: status } = reply
  const refused = describeRefused(request, status)
  const line = { event: 'request.answered', method, path, status, ...refused }
  request.log.info(line, 'answered')
}
