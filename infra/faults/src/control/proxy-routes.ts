import type { FastifyPluginAsync } from 'fastify'
import type { Control } from './control.ts'

type OfProxy = { Params: { proxy: string } }

/** Reads, makes and changes proxies, as Toxiproxy's API does. */
export const proxyRoutes: FastifyPluginAsync<{ control: Control }> = async (app, { control }) => {
  app.get('/proxies', async () =>
    Object.fromEntries(control.list().map(proxy => [proxy.name, proxy])),
  )
  app.post('/proxies', async (request, reply) =>
    reply.code(201).send(await control.create(request.body)),
  )
  app.post('/populate', async (request, reply) => {
    const { proxies, error } = await control.populate(request.body)
    if (error === undefined) return reply.code(201).send({ proxies })
    const { message, statusCode: status = 500 } = error as Error & { statusCode?: number }
    return reply.code(status).send({ error: message, status, proxies })
  })
  app.post('/reset', async (_request, reply) => {
    await control.reset()
    return reply.code(204).send()
  })
  app.get<OfProxy>('/proxies/:proxy', async ({ params }) => control.show(params.proxy))
  app.route<OfProxy>({
    method: ['POST', 'PATCH'],
    url: '/proxies/:proxy',
    handler: async ({ params, body }) => control.update(params.proxy, body),
  })
  app.delete<OfProxy>('/proxies/:proxy', async ({ params }, reply) => {
    await control.remove(params.proxy)
    return reply.code(204).send()
  })
}
