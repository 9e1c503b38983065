import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type OtlpTraces, spansOf } from './otlp-spans.ts'
import { createTraceStore, type StoredSpan, type TraceStore } from './trace-store.ts'

const bodyBytesMax = 8 * 1024 * 1024
const receiveMs = 5_000

/**
 * A small receiver of OTLP/HTTP in JSON, so that `npm run trace` works on a bare machine. Any
 * collector takes its place: set OTEL_EXPORTER_OTLP_ENDPOINT.
 */
async function run(host: string, port: number): Promise<void> {
  const store = createTraceStore()
  const server = createServer({ requestTimeout: receiveMs, headersTimeout: receiveMs })
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void answer(store, request)
      .catch(() => ({ status: 400, body: { error: 'this is not OTLP in JSON' } }))
      .then(({ status, body }) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end(toJson(body))
      })
  })
  server.listen(port, host)
  await once(server, 'listening')
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  await once(stop.signal, 'abort')
  server.closeAllConnections()
  server.close()
}

async function answer(store: TraceStore, request: IncomingMessage) {
  const path = request.url?.split('?', 1)[0] ?? '/'
  if (request.method === 'POST' && path === '/v1/traces') {
    const body = await readBody(request)
    if (body === undefined) return { status: 413, body: { error: 'too large' } }
    store.add(spansOf(JSON.parse(body) as OtlpTraces))
    return { status: 200, body: {} }
  }
  const traceId = /^\/traces\/([0-9a-f]{32})$/.exec(path)?.[1]
  if (request.method === 'GET' && traceId !== undefined) {
    const traces = store.family(traceId)
    return traces.length > 0
      ? { status: 200, body: { traces } }
      : { status: 404, body: { error: 'no such trace, or not exported yet' } }
  }
  if (path === '/health') return { status: 200, body: { status: 'ok', traces: store.size() } }
  return {
    status: 404,
    body: { paths: ['POST /v1/traces', 'GET /traces/{traceId}', 'GET /health'] },
  }
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > bodyBytesMax) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function toJson(body: unknown): string {
  return JSON.stringify(body, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  )
}

export type TraceFamily = {
  traces: (Omit<StoredSpan, 'startNanos' | 'endNanos'> & {
    startNanos: string
    endNanos: string
  })[][]
}

if (import.meta.main) await run(process.env['HOST'] ?? '127.0.0.1', Number(process.env['PORT']))
