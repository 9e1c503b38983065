import { timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { constants } from 'node:os'
import type { ProcessSpec } from './process-spec.ts'
import { Refusal } from './refusal.ts'
import type { Supervisor } from './supervisor.ts'

const host = '127.0.0.1'
const bodyBytesMax = 1024 * 1024
const requestTimeoutMs = 10_000

/**
 * The supervisor's HTTP side. Loopback is open to every user of the machine and, through a browser,
 * to every page, so each request shows the token that only the owner of the state directory can read.
 */
export async function openControlServer(
  supervisor: Supervisor,
  options: Readonly<{ port: number; token: string; onShutdown: () => void }>,
): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer({ requestTimeout: requestTimeoutMs }, (request, response) => {
    void answer(supervisor, request, options).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(`${JSON.stringify(body ?? {})}\n`)
    })
  })
  server.listen(options.port, host)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `http://${host}:${port}`, close: () => closeServer(server) }
}

type Answer = Readonly<{ status: number; body: unknown }>

async function answer(
  supervisor: Supervisor,
  request: IncomingMessage,
  options: Readonly<{ token: string; onShutdown: () => void }>,
): Promise<Answer> {
  if (!isAllowed(request.headers.authorization, options.token)) {
    return { status: 401, body: { error: 'the bearer token of run/supervisor.json is needed' } }
  }
  try {
    const body = await readBody(request)
    const result = await route(supervisor, `${request.method} ${request.url}`, body)
    if (request.url === '/shutdown') options.onShutdown()
    return { status: 200, body: result }
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500
    return { status, body: { error: error instanceof Error ? error.message : String(error) } }
  }
}

/** One line per thing that can be asked. */
async function route(supervisor: Supervisor, asked: string, body: Json): Promise<unknown> {
  if (asked === 'GET /status') return await supervisor.status()
  if (asked === 'GET /processes') return supervisor.states()
  if (asked === 'POST /processes') return supervisor.add(readSpec(body))
  if (asked === 'POST /shutdown') return await supervisor.shutdown()
  const [, method, name = '', verb] =
    /^(POST|DELETE) \/processes\/([^/]+)(?:\/(\w+))?$/.exec(asked) ?? []
  const action = verb === undefined ? method : verb
  if (action === 'signal') return { sent: supervisor.signal(name, readSignal(body)) }
  if (action === 'stop') return await supervisor.stop(name)
  if (action === 'start') {
    const { env = {}, forOneLife } = body
    return supervisor.start(name, { env: readEnv(env), forOneLife: forOneLife === true })
  }
  if (action === 'DELETE') return await supervisor.remove(name)
  throw new Refusal(404, `${asked} is not something to ask`)
}

type Json = Readonly<Record<string, unknown>>

async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) throw new Refusal(400, `a body may have ${bodyBytesMax} bytes`)
    chunks.push(chunk)
  }
  const content = Buffer.concat(chunks).toString()
  if (content === '') return {}
  try {
    const body: unknown = JSON.parse(content)
    if (isObject(body)) return body
  } catch (cause) {
    throw Object.assign(new Refusal(400, 'the body is not JSON'), { cause })
  }
  throw new Refusal(400, 'the body is not an object')
}

/**
 * Checks what would otherwise end in a puzzling error far from here: the name becomes a file name,
 * the rest goes to `spawn`. The token's owner may run anything; this is no wall, only a hint.
 */
function readSpec(body: Json): ProcessSpec {
  const { name, command, args, cwd, env, ready, ports } = body
  if (typeof name !== 'string' || !/^[a-z0-9][a-z0-9_-]{0,99}$/.test(name)) {
    throw new Refusal(400, 'a name has up to 100 of a-z, 0-9, - and _')
  }
  if (typeof command !== 'string' || typeof cwd !== 'string') {
    throw new Refusal(400, `${name}: command and cwd must be texts`)
  }
  if (!Array.isArray(args) || args.some(arg => typeof arg !== 'string')) {
    throw new Refusal(400, `${name}: args must be a list of texts`)
  }
  if (!isObject(ready) || !Array.isArray(ports)) {
    throw new Refusal(400, `${name}: ready and ports are needed`)
  }
  readEnv(env)
  return body as ProcessSpec
}

function readEnv(env: unknown): Record<string, string> {
  const isEnv = isObject(env) && Object.values(env).every(value => typeof value === 'string')
  if (isEnv) return env as Record<string, string>
  throw new Refusal(400, 'env must map names to texts')
}

function readSignal(body: Json): NodeJS.Signals {
  const { signal } = body
  if (typeof signal === 'string' && signal in constants.signals) return signal as NodeJS.Signals
  throw new Refusal(400, `${JSON.stringify(signal)} is not a signal`)
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAllowed(header: string | undefined, token: string): boolean {
  // The name of a scheme is case-insensitive (RFC 9110, 11.1); the token is not.
  const shown = Buffer.from(/^bearer +([^ ]+)$/i.exec(header ?? '')?.[1] ?? '')
  const expected = Buffer.from(token)
  return shown.length === expected.length && timingSafeEqual(shown, expected)
}

async function closeServer(server: Server): Promise<void> {
  server.close()
  server.closeIdleConnections()
  await once(server, 'close')
}
