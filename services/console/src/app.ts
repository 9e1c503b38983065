import fastifyStatic from '@fastify/static'
import { refuseForeigners } from '@nightshift/runtime/http/refuse-foreigners'
import Fastify, { type FastifyError, type FastifyInstance, type FastifyPluginAsync } from 'fastify'
import { changeHeader } from './change-header.ts'
import type { AuditControl } from './clients/audit-control.ts'
import type { CompareControl } from './clients/compare-control.ts'
import type { FaultControl } from './clients/fault-control.ts'
import type { LoadControl } from './clients/load-control.ts'
import type { ReadLog } from './clients/read-log.ts'
import type { SearchLogs } from './clients/search-logs.ts'
import { compareRoutes } from './http/compare-routes.ts'
import { faultRoutes } from './http/fault-routes.ts'
import { labRoutes } from './http/lab-routes.ts'
import { loadRoutes } from './http/load-routes.ts'
import { lookRoutes } from './http/look-routes.ts'
import { patternRoutes, type SwitchTo } from './http/pattern-routes.ts'
import { traceRoutes } from './http/trace-routes.ts'
import { watchRoutes } from './http/watch-routes.ts'
import type { Observer } from './jobs/observer.ts'
import type { PromiseWatch } from './jobs/promise-watch.ts'
import type { Lab } from './lab/lab.ts'
import { limits } from './limits.ts'
import type { ConsoleLog } from './log-events.ts'

export type AppDeps = Readonly<{
  lab: Lab
  compare: CompareControl
  audit: AuditControl
  observer: Observer
  promises: PromiseWatch
  faults: FaultControl
  load: LoadControl
  readLog: ReadLog
  searchLogs: SearchLogs
  traceSinkUrl: string
  /** Unset: this system has no Prometheus. */
  prometheusUrl: string | undefined
  switchTo: SwitchTo
  /** Where the built page is. */
  pageDir: string
  /** Where the pictures of recorded payments are. */
  replaysDir: string
  log: ConsoleLog
}>

/** The page runs its own script and style, and talks to this server. uPlot and the map set style attributes. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** A picture has its own style, and loads nothing. */
const pictureSecurityPolicy = "default-src 'none'; style-src 'unsafe-inline'"

/** Builds the HTTP side of the console. It opens nothing; the caller listens and closes. */
export function buildApp(deps: AppDeps): FastifyInstance {
  const app = Fastify({
    logger: false,
    bodyLimit: limits.http.bodyBytesMax,
    requestTimeout: limits.http.requestMs,
    keepAliveTimeout: limits.http.keepAliveMs,
    forceCloseConnections: true,
    // A mistyped word must be refused, not removed or coerced.
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  app.server.maxConnections = limits.http.connectionsMax
  void app.removeContentTypeParser('text/plain')
  app.addHook('onRequest', refuseForeigners)
  app.addHook('onRequest', async ({ method, headers }, reply) => {
    if (method === 'GET' || method === 'HEAD' || changeHeader in headers) return
    return reply.code(403).send({ error: `changes need the header ${changeHeader}` })
  })
  app.addHook('onSend', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'no-referrer')
  })
  app.setErrorHandler<FastifyError>((error, _request, reply) => {
    const status = error.statusCode ?? 502
    if (status >= 500) deps.log.warn({ event: 'console.action_failed', error })
    return reply.code(status).send({ error: error.message })
  })
  app.get('/health', async () => ({ status: 'ok' }))
  app.register(apiRoutes, { ...deps, prefix: '/api' })
  app.register(fastifyStatic, {
    root: deps.pageDir,
    setHeaders: reply => void reply.header('content-security-policy', contentSecurityPolicy),
  })
  app.register(fastifyStatic, {
    root: deps.replaysDir,
    prefix: '/replays/',
    decorateReply: false,
    allowedPath: path => path.endsWith('.svg'),
    setHeaders: reply => void reply.header('content-security-policy', pictureSecurityPolicy),
  })
  return app
}

const apiRoutes: FastifyPluginAsync<AppDeps> = async (
  app,
  {
    lab,
    compare,
    audit,
    observer,
    promises,
    readLog,
    searchLogs,
    switchTo,
    faults,
    load,
    traceSinkUrl,
    prometheusUrl,
  },
) => {
  app.addHook('onSend', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  app.register(watchRoutes, { observer, promises, readLog })
  app.register(faultRoutes, { faults })
  app.register(loadRoutes, { load })
  app.register(traceRoutes, { traceSinkUrl })
  app.register(lookRoutes, { searchLogs, audit, traceSinkUrl, prometheusUrl })
  app.register(labRoutes, { lab })
  app.register(compareRoutes, { compare })
  app.register(patternRoutes, { switchTo })
}
