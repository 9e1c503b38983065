import type { FastifyPluginAsync } from 'fastify'
import type { Control } from './control.ts'

type OfProxy = { Params: { proxy: string } }
type OfToxic = { Params: { proxy: string; toxic: string } }

/** Reads, adds, changes and removes toxics, as Toxiproxy's API does. */
export const toxicRoutes: FastifyPluginAsync<{ control: Control }> = async (app, { control }) => {
  app.get<OfProxy>(
    '/proxies/:proxy/toxics',
    async ({ params }) => control.show(params.proxy).toxics,
  )
  app.post<OfProxy>('/proxies/:proxy/toxics', async ({ params, body }) =>
    control.addToxic(params.proxy, body),
  )
  app.get<OfToxic>('/proxies/:proxy/toxics/:toxic', async ({ params }) =>
    control.toxic(params.proxy, params.toxic),
  )
  app.route<OfToxic>({
    method: ['POST', 'PATCH'],
    url: '/proxies/:proxy/toxics/:toxic',
    handler: async ({ params, body }) => control.changeToxic(params.proxy, params.toxic, body),
  })
  app.delete<OfToxic>('/proxies/:proxy/toxics/:toxic', async ({ params }, reply) => {
    await control.removeToxic(params.proxy, params.toxic)
    return reply.code(204).send()
  })
}
