import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Lab } from '../lab/lab.ts'
import { waysToBreak } from '../lab/ways-to-break.ts'

const AttemptBody = Type.Object(
  { way: Type.String({ pattern: '^[a-z-]{1,40}$' }) },
  { additionalProperties: false },
)

/** "Can you make it charge twice?": a naive system and ours, side by side. */
export const labRoutes: FastifyPluginAsyncTypebox<{ lab: Lab }> = async (app, { lab }) => {
  app.get('/lab', async () => lab.view())

  app.get('/lab/ways', async () =>
    waysToBreak.map(({ name, title, isFirst, story }) => ({ name, title, isFirst, story })),
  )

  app.post('/lab', { schema: { body: AttemptBody } }, async ({ body }, reply) => {
    const refused = lab.attempt(body.way)
    return refused === undefined
      ? reply.code(202).send({ did: 'It begins.' })
      : reply.code(409).send({ error: refused })
  })
}
