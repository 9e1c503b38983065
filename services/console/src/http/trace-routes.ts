import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import type { TraceSummary } from '@nightshift/observability/trace-store'
import { Type } from 'typebox'
import { askTraceSink } from '../clients/ask-trace-sink.ts'

const TraceParams = Type.Object({ traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

/** Shows what the trace sink has. */
export const traceRoutes: FastifyPluginAsyncTypebox<{ traceSinkUrl: string }> = async (
  app,
  { traceSinkUrl },
) => {
  /** Errors first, then the slow ones. */
  app.get('/traces', async () => {
    const { traces } = await askTraceSink<{ traces: TraceSummary[] }>(traceSinkUrl, '/traces')
    return traces.toSorted(
      (a, b) => Number(b.failed) - Number(a.failed) || b.durationMs - a.durationMs,
    )
  })

  app.get('/traces/:traceId', { schema: { params: TraceParams } }, async ({ params }) =>
    askTraceSink<LinkedTraces>(traceSinkUrl, `/traces/${params.traceId}`),
  )
}
