import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { type Stallable, stallsOf } from '../kafka/consumer-progress.ts'
import { watchConnections } from './connections.ts'
import { dropRestBeforeAnswers } from './drop-rest.ts'
import type { HealthDetails } from './health-details.ts'
import { refuseForeigners } from './refuse-foreigners.ts'

/** How long an answer here may still take when the server closes. */
const drainMs = 500

/** What a process answers to the two probes. */
export type Probes = Readonly<{
  /** No: a supervisor may restart the process. */
  isLive: () => boolean | Promise<boolean>
  /** No: a proxy sends its requests to other instances. */
  isReady: () => boolean | Promise<boolean>
}>

/**
 * The port of the operators: metrics and probes. It is never public.
 *
 * A consumer that gets nowhere is named in the body of `ready` and does not change the status: HTTP
 * works, and a restart would not help. `details` is a report for people. It asks the dependencies, and
 * its status is always 200.
 */
export function buildOperationsServer(
  registry: Registry,
  { isLive, isReady }: Probes,
  consumers: readonly Stallable[] = [],
  details?: () => Promise<HealthDetails>,
): FastifyInstance {
  const app = Fastify({
    logger: false,
    requestTimeout: 2_000,
    keepAliveTimeout: 5_000,
    return503OnClosing: false,
  })
  watchConnections(app, drainMs)
  dropRestBeforeAnswers(app)
  app.addHook('onRequest', refuseForeigners)
  app.get('/health/live', async (_request, reply) => {
    if (await isLive()) return { status: 'live' }
    return reply.code(503).send({ status: 'not live' })
  })
  app.get('/health/ready', async (_request, reply) => {
    const stalled = stallsOf(consumers)
    const details = stalled.length > 0 ? { stalled } : {}
    if (!(await isReady())) return reply.code(503).send({ status: 'not ready', ...details })
    return { status: 'ready', ...details }
  })
  if (details) app.get('/health/details', details)
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
  return app
}
