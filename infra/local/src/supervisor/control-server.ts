import { timingSafeEqual } from 'node:crypto'
import { constants } from 'node:os'
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { Refusal } from './keep-running.ts'
import type { Supervisor } from './supervisor.ts'

const host = '127.0.0.1'
const requestTimeoutMs = 10_000
const keepAliveMs = 5_000

export type ControlServerOptions = Readonly<{
  port: number
  token: string
  /** Called when everything has been stopped. */
  onShutdown: () => void
}>

/**
 * The supervisor's HTTP side. Loopback is open to every user of the machine and, through a browser,
 * to every page, so each request shows the token that only the owner of the state directory can read.
 */
export async function openControlServer(
  supervisor: Supervisor,
  { port, token, onShutdown }: ControlServerOptions,
): Promise<{ url: string; close: () => Promise<void> }> {
  const app = Fastify({
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveMs,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
  })
  app.addHook('onRequest', async request => requireToken(request, token))
  app.register(controlRoutes, { supervisor, onShutdown })
  const url = await app.listen({ host, port })
  return { url, close: () => app.close() }
}

/** The name of a process becomes the name of its log file. */
const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9_-]{0,99}$' })
const Env = Type.Record(Type.String(), Type.String())
const Url = Type.String()
const NamedProcess = Type.Object({ name: Type.String() })

/** The token's owner may run anything: this finds mistakes early, and protects from nobody. */
const NewProcess = Type.Object({
  name: Name,
  kind: Type.Union([Type.Literal('part'), Type.Literal('simulator'), Type.Literal('service')]),
  command: Type.String(),
  args: Type.Array(Type.String()),
  cwd: Type.String(),
  env: Env,
  url: Type.Optional(Url),
  ports: Type.Array(Type.Integer()),
  ready: Type.Union([
    Type.Object({ kind: Type.Literal('http'), url: Url }),
    Type.Object({ kind: Type.Literal('postgres'), url: Url }),
    Type.Object({ kind: Type.Literal('redis'), port: Type.Integer() }),
    Type.Object({ kind: Type.Literal('kafka'), broker: Type.String() }),
  ]),
  stopSignal: Type.Union([Type.Literal('SIGTERM'), Type.Literal('SIGINT')]),
  stopGraceMs: Type.Number({ minimum: 0 }),
  startTimeoutMs: Type.Number({ minimum: 0 }),
})

const Start = Type.Object({ env: Env, forOneInstance: Type.Optional(Type.Boolean()) })
const Signal = Type.Object({
  signal: Type.Unsafe<NodeJS.Signals>({ enum: Object.keys(constants.signals) }),
})

/** One route for each thing that can be asked. Refusals answer `{ message }` with their status. */
const controlRoutes: FastifyPluginAsyncTypebox<
  { supervisor: Supervisor } & Pick<ControlServerOptions, 'onShutdown'>
> = async (app, { supervisor, onShutdown }) => {
  app.get('/status', () => supervisor.status())
  app.get('/processes', async () => supervisor.states())
  app.post('/processes', { schema: { body: NewProcess } }, async ({ body }) => {
    supervisor.add(body)
    return {}
  })
  app.post(
    '/processes/:name/signal',
    { schema: { params: NamedProcess, body: Signal } },
    async ({ params, body }) => ({ sent: supervisor.signal(params.name, body.signal) }),
  )
  app.post(
    '/processes/:name/start',
    { schema: { params: NamedProcess, body: Start } },
    async ({ params, body }) => {
      supervisor.start(params.name, body)
      return {}
    },
  )
  app.post('/processes/:name/stop', { schema: { params: NamedProcess } }, async ({ params }) => {
    await supervisor.stop(params.name)
    return {}
  })
  app.delete('/processes/:name', { schema: { params: NamedProcess } }, async ({ params }) => {
    await supervisor.remove(params.name)
    return {}
  })
  app.post('/shutdown', async (_request, reply) => {
    await supervisor.shutdown()
    onShutdown()
    // The server closes next, and would wait for a connection that is kept.
    reply.header('connection', 'close')
    return {}
  })
}

function requireToken({ headers }: FastifyRequest, token: string): void {
  // The name of a scheme is case-insensitive (RFC 9110, 11.1); the token is not.
  const shown = Buffer.from(/^bearer +([^ ]+)$/i.exec(headers.authorization ?? '')?.[1] ?? '')
  const expected = Buffer.from(token)
  if (shown.length === expected.length && timingSafeEqual(shown, expected)) return
  throw new Refusal(401, 'the bearer token of run/supervisor.json is needed')
}
