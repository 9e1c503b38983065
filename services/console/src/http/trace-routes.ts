import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { LinkedTraces } from '@nightshift/observability/trace-sink'
import type { TraceSummary } from '@nightshift/observability/trace-store'
import { Type } from 'typebox'
import { limits } from '../limits.ts'

const TraceParams = Type.Object({ traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

/** Shows what the trace sink has. */
export const traceRoutes: FastifyPluginAsyncTypebox<{ traceSinkUrl: string }> = async (
  app,
  { traceSinkUrl },
) => {
  async function ask(path: string): Promise<unknown> {
    const signal = AbortSignal.timeout(limits.traces.askMs)
    const answer = await fetch(new URL(path, traceSinkUrl), { signal })
    if (answer.status === 404) {
      throw Object.assign(new Error('no such trace, or not exported yet'), { statusCode: 404 })
    }
    if (!answer.ok) throw new Error(`the trace sink answered ${answer.status}`)
    return answer.json()
  }

  /** Errors first, then the slow ones. */
  app.get('/traces', async () => {
    const { traces } = (await ask('/traces')) as { traces: TraceSummary[] }
    return traces.toSorted(
      (a, b) => Number(b.failed) - Number(a.failed) || b.durationMs - a.durationMs,
    )
  })

  app.get(
    '/traces/:traceId',
    { schema: { params: TraceParams } },
    async ({ params }) => (await ask(`/traces/${params.traceId}`)) as LinkedTraces,
  )
}
