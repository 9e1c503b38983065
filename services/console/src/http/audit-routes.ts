import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { AuditControl } from '../clients/audit-control.ts'

const NoBody = Type.Object({}, { additionalProperties: false })

/** Asks the auditor, who looks at all promises. */
export const auditRoutes: FastifyPluginAsyncTypebox<{ audit: AuditControl }> = async (
  app,
  { audit },
) => {
  app.get('/audit', async () => audit.view())

  app.post('/audit', { schema: { body: NoBody } }, async (_request, reply) => {
    const problem = audit.start()
    return problem === undefined
      ? { did: 'The auditor waits until nothing is under way, and then reads every source.' }
      : reply.code(409).send({ error: problem })
  })
}
