import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { scenarioNames } from '@nightshift/load-tests/scenarios/run-k6'
import { Type } from 'typebox'
import type { LoadControl } from '../clients/load-control.ts'
import { limits } from '../limits.ts'

const LoadBody = Type.Object(
  {
    scenario: Type.Enum([...scenarioNames]),
    times: Type.Integer({ minimum: 1, maximum: limits.load.timesMax }),
    seconds: Type.Integer({ minimum: 5, maximum: limits.load.secondsMax }),
  },
  { additionalProperties: false },
)
const NoBody = Type.Object({}, { additionalProperties: false })

/** Sends load to the system. */
export const loadRoutes: FastifyPluginAsyncTypebox<{ load: LoadControl }> = async (
  app,
  { load },
) => {
  app.post('/load', { schema: { body: LoadBody } }, async ({ body }, reply) => {
    const problem = load.start(body)
    return problem === undefined
      ? { did: `Started ${body.scenario}.` }
      : reply.code(409).send({ error: problem })
  })

  app.post('/load/stop', { schema: { body: NoBody } }, async () => {
    load.stop()
    return { did: 'The load ends.' }
  })
}
