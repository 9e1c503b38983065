import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { TraceSummary } from '@nightshift/observability/trace-store'
import { Type } from 'typebox'
import { readAlerts } from '../clients/read-alerts.ts'
import type { LogEntry, SearchLogs } from '../clients/search-logs.ts'
import { limits } from '../limits.ts'

/** What happened around one moment. */
export type MomentView = Readonly<{
  logs: readonly LogEntry[]
  /** Unset with a reason in `unseen`. */
  traces?: readonly TraceSummary[]
  unseen?: string
}>

const AtQuery = Type.Object({ at: Type.String({ pattern: '^\\d{10,15}$' }) })
const TraceQuery = Type.Object({ traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

/** Looks that a person asks for: alerts, the lines of a trace, and what happened around a moment. */
export const lookRoutes: FastifyPluginAsyncTypebox<{
  searchLogs: SearchLogs
  traceSinkUrl: string
  prometheusUrl: string | undefined
}> = async (app, { searchLogs, traceSinkUrl, prometheusUrl }) => {
  app.get('/alerts', async (_request, reply) => {
    if (prometheusUrl === undefined) {
      return reply
        .code(503)
        .send({ error: 'This system has no Prometheus; `npm run doctor` says why.' })
    }
    return readAlerts(prometheusUrl)
  })

  app.get('/logs', { schema: { querystring: TraceQuery } }, async ({ query: { traceId } }) => ({
    logs: await searchLogs(
      line => line.includes(traceId),
      () => true,
    ),
  }))

  app.get('/moment', { schema: { querystring: AtQuery } }, async ({ query }) => {
    const at = Number(query.at)
    const isNear = (other: number) => Math.abs(other - at) <= limits.moment.aroundMs
    const logs = await searchLogs(
      line => !line.includes('"level":"info"'),
      entry => isNear(entry.at),
    )
    try {
      const answer = await fetch(new URL('/traces', traceSinkUrl), {
        signal: AbortSignal.timeout(limits.traces.askMs),
      })
      const { traces } = (await answer.json()) as { traces: readonly TraceSummary[] }
      const near = traces.filter(({ startedAt }) => isNear(startedAt))
      return { logs, traces: near.slice(0, limits.moment.tracesMax) } satisfies MomentView
    } catch (error) {
      const unseen = `the trace sink: ${(error as Error).message}`
      return { logs, unseen } satisfies MomentView
    }
  })
}
