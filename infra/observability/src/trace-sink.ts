import { once } from 'node:events'
import { refuseForeigners } from '@nightshift/runtime/http/refuse-foreigners'
import Fastify, { type FastifyInstance } from 'fastify'
import { type OtlpTraces, spansOf } from './otlp-spans.ts'
import { createTraceStore, type StoredSpan } from './trace-store.ts'

const bodyBytesMax = 8 * 1024 * 1024
const receiveMs = 5_000
/** A list that is longer is not read by a person. */
const recentMax = 200

/** What GET /traces/{traceId} answers: times are texts, because JSON has no big integers. */
export type LinkedTraces = {
  traces: (Omit<StoredSpan, 'startNanos' | 'endNanos'> & {
    startNanos: string
    endNanos: string
  })[][]
}

/**
 * A small receiver of OTLP/HTTP in JSON, so that `npm run trace` works on a bare machine. Any
 * collector takes its place: set OTEL_EXPORTER_OTLP_ENDPOINT.
 */
function buildApp(): FastifyInstance {
  const store = createTraceStore()
  const app = Fastify({
    bodyLimit: bodyBytesMax,
    requestTimeout: receiveMs,
    http: { headersTimeout: receiveMs },
    forceCloseConnections: true,
  })
  app.addHook('onRequest', refuseForeigners)
  void app.removeContentTypeParser('text/plain')
  app.setReplySerializer(body => JSON.stringify(body, bigIntAsText))

  app.post<{ Body: OtlpTraces }>('/v1/traces', async ({ body }, reply) => {
    try {
      store.add(spansOf(body))
      return {}
    } catch {
      return reply.code(400).send({ error: 'this is not OTLP in JSON' })
    }
  })
  app.get<{ Querystring: { from?: string; to?: string } }>('/traces', async ({ query }) => {
    const { from = '-Infinity', to = 'Infinity' } = query
    return { traces: store.recent(recentMax, { from: Number(from), to: Number(to) }) }
  })
  app.get<{ Params: { traceId: string } }>('/traces/:traceId', async ({ params }, reply) => {
    const traces = store.linkedTo(params.traceId)
    if (traces.length > 0) return { traces }
    return reply.code(404).send({ error: 'no such trace, or not exported yet' })
  })
  app.get('/health', async () => ({ status: 'ok', ...store.size() }))
  return app
}

function bigIntAsText(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value
}

async function run(host: string, port: number): Promise<void> {
  await using app = buildApp()
  await app.listen({ host, port })
  const stop = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort())
  await once(stop.signal, 'abort')
}

if (import.meta.main) await run(process.env['HOST'] ?? '127.0.0.1', Number(process.env['PORT']))
