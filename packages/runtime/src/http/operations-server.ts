import Fastify, { type FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { type Stallable, stallsOf } from '../kafka/consumer-progress.ts'
import { watchConnections } from './connections.ts'
import { dropRestBeforeAnswers } from './drop-rest.ts'
import type { HealthDetails } from './health-details.ts'

/** How long an answer here may still take when the server closes. */
const drainMs = 500

/**
 * The port of the operators: metrics and probes. It is never public.
 *
 * `live`: the event loop turns. It asks no dependency, or a database outage would restart everything.
 * `ready`: this instance can take traffic: started and not draining. It asks no shared dependency
 * either, or all instances would drop out together. A consumer that gets nowhere is named in the body
 * and does not change the status: HTTP works, and a restart would not help.
 *
 * `details`: a report for people. It asks the dependencies, and its status is always 200.
 */
export function buildOperationsServer(
  registry: Registry,
  isReady: () => boolean,
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
  app.get('/health/live', async () => ({ status: 'live' }))
  app.get('/health/ready', async (_request, reply) => {
    const stalled = stallsOf(consumers)
    const details = stalled.length > 0 ? { stalled } : {}
    if (!isReady()) return reply.code(503).send({ status: 'not ready', ...details })
    return { status: 'ready', ...details }
  })
  if (details) app.get('/health/details', details)
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
  return app
}
