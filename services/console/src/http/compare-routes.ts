import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { CompareControl } from '../clients/compare-control.ts'

const StartBody = Type.Object(
  { name: Type.String({ pattern: '^[a-z-]{1,50}$' }) },
  { additionalProperties: false },
)
const NoBody = Type.Object({}, { additionalProperties: false })

/** Runs both arms of an experiment, beside its committed result. */
export const compareRoutes: FastifyPluginAsyncTypebox<{ compare: CompareControl }> = async (
  app,
  { compare },
) => {
  app.get('/compare/experiments', async () => compare.experiments())

  app.get('/compare/run', async () => compare.run())

  app.post('/compare', { schema: { body: StartBody } }, async ({ body }, reply) => {
    const problem = await compare.start(body.name)
    return problem === undefined
      ? { did: `Started ${body.name}.` }
      : reply.code(409).send({ error: problem })
  })

  app.post('/compare/stop', { schema: { body: NoBody } }, async () => {
    compare.stop()
    return { did: 'The experiment ends.' }
  })
}
