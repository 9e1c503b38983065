import type { FastifyPluginAsync } from 'fastify'
import { limits } from './limits.ts'
import { contentSecurityPolicy, renderMailPage } from './mail-page.ts'
import type { MailStore } from './mail-store.ts'

const integer = { type: 'string', pattern: '^[0-9]{1,9}$' }
const query = {
  type: 'object',
  additionalProperties: false,
  properties: {
    to: { type: 'string', minLength: 1, maxLength: 320 },
    after: integer,
    limit: integer,
  },
}

/** The mails, as a page for people and as JSON. There is no way to remove one. */
export const mailRoutes: FastifyPluginAsync<{ store: MailStore }> = async (app, { store }) => {
  app.get('/', async (_request, reply) => {
    const { mails } = store.list({ to: undefined, after: undefined, limit: limits.pageMails })
    return reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', contentSecurityPolicy)
      .send(renderMailPage(mails.toReversed()))
  })

  app.get<{ Querystring: { to?: string; after?: string; limit?: string } }>(
    '/mails',
    { schema: { querystring: query } },
    async request => {
      const { to, after, limit = limits.listDefault } = request.query
      return store.list({
        to,
        after: after === undefined ? undefined : Number(after),
        limit: Math.min(Math.max(1, Number(limit)), limits.listMax),
      })
    },
  )

  app.get<{ Params: { id: string } }>('/mails/:id', async (request, reply) => {
    const mail = store.find(request.params.id)
    return mail ?? reply.code(404).send({ error: 'no such mail' })
  })
}
