import type { FastifyPluginAsync } from 'fastify'
import { requireKey } from './http/authorize.ts'
import type { OrderDeps } from './http/operation-routes.ts'
import { orderRoutes } from './http/operation-routes.ts'
import { readRoutes } from './http/read-routes.ts'

const stripeVersion = /^[\w.-]{1,60}$/

/** The part of Stripe's API that is played here, behind its secret key. */
export const v1Routes: FastifyPluginAsync<{ deps: OrderDeps; secretKey: string }> = async (
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
  app.register(orderRoutes, { deps })
}
