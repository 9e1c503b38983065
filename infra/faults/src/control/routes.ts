import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { limits } from '../limits.ts'
import type { Control } from './control.ts'
import {
  NewProxies,
  NewProxy,
  NewToxic,
  ProxyChange,
  ReportedFault,
  ToxicChange,
} from './schemas.ts'

type ControlRoutes = FastifyPluginAsyncTypebox<{ control: Control }>

const change = ['POST', 'PATCH']
const proxyParams = Type.Object({ proxy: Type.String() })
const toxicParams = Type.Object({ proxy: Type.String(), toxic: Type.String() })

/** Proxies and their toxics, as Toxiproxy's API has them. */
export const toxiproxyRoutes: ControlRoutes = async (app, { control }) => {
  app.addHook('preValidation', async request => {
    request.body = withoutBlanks(request.body)
  })

  app.get('/proxies', async () =>
    Object.fromEntries(control.list().map(proxy => [proxy.name, proxy])),
  )
  app.post('/proxies', { schema: { body: NewProxy } }, async ({ body }, reply) =>
    reply.code(201).send(await control.create(body)),
  )
  app.post('/populate', { schema: { body: NewProxies } }, async ({ body }, reply) => {
    const { proxies, error } = await control.populate(body)
    if (error === undefined) return reply.code(201).send({ proxies })
    const { message, statusCode: status = 500 } = error as Error & { statusCode?: number }
    return reply.code(status).send({ error: message, status, proxies })
  })
  app.post('/reset', async (_request, reply) => {
    await control.reset()
    return reply.code(204).send()
  })

  const proxy = '/proxies/:proxy'
  app.get(proxy, { schema: { params: proxyParams } }, async ({ params }) =>
    control.show(params.proxy),
  )
  app.route({
    method: change,
    url: proxy,
    schema: { params: proxyParams, body: ProxyChange },
    handler: ({ params, body }) => control.update(params.proxy, body),
  })
  app.delete(proxy, { schema: { params: proxyParams } }, async ({ params }, reply) => {
    await control.remove(params.proxy)
    return reply.code(204).send()
  })

  const toxics = '/proxies/:proxy/toxics'
  app.get(
    toxics,
    { schema: { params: proxyParams } },
    async ({ params }) => control.show(params.proxy).toxics,
  )
  app.post(toxics, { schema: { params: proxyParams, body: NewToxic } }, ({ params, body }) =>
    control.addToxic(params.proxy, body),
  )

  const toxic = '/proxies/:proxy/toxics/:toxic'
  app.get(toxic, { schema: { params: toxicParams } }, async ({ params }) =>
    control.showToxic(params.proxy, params.toxic),
  )
  app.route({
    method: change,
    url: toxic,
    schema: { params: toxicParams, body: ToxicChange },
    handler: ({ params, body }) => control.changeToxic(params.proxy, params.toxic, body),
  })
  app.delete(toxic, { schema: { params: toxicParams } }, async ({ params }, reply) => {
    await control.removeToxic(params.proxy, params.toxic)
    return reply.code(204).send()
  })
}

/** Toxiproxy decodes null and an empty text like a field that is not given; clients rely on it. */
function withoutBlanks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutBlanks)
  if (typeof value !== 'object' || value === null) return value
  const fields = Object.entries(value).filter(([, field]) => field !== null && field !== '')
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutBlanks(field)]))
}

/** The log of the faults that other processes inject. */
export const faultLogRoutes: ControlRoutes = async (app, { control }) => {
  app.post(
    '/fault-log',
    { schema: { body: ReportedFault }, bodyLimit: limits.reportBytesMax },
    async ({ body }, reply) => reply.code(201).send(await control.report(body)),
  )
  app.get('/fault-log/open', async () => control.openFaults())
}
