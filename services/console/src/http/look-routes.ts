import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import type { TraceSummary } from '@nightshift/observability/trace-store'
import { Type } from 'typebox'
import { askTraceSink } from '../clients/ask-trace-sink.ts'
import type { AuditControl } from '../clients/audit-control.ts'
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

const NoBody = Type.Object({}, { additionalProperties: false })
const AtQuery = Type.Object({ at: Type.String({ pattern: '^\\d{10,15}$' }) })
const TraceQuery = Type.Object({ traceId: Type.String({ pattern: '^[0-9a-f]{32}$' }) })

const isAlarm = /"level":"(?:warn|error|fatal)"/
const timeIn = /"time":"([^"]+)"/

/** Reads the time of a line without parsing all of it: a log under load has thousands of lines a second. */
function isBetween(line: string, from: number, to: number): boolean {
  const at = Date.parse(timeIn.exec(line)?.[1] ?? '')
  return at >= from && at <= to
}

/**
 * Looks that a person asks for: alerts, the lines of a trace, what happened around a moment, and the
 * auditor, who looks at all promises.
 */
export const lookRoutes: FastifyPluginAsyncTypebox<{
  searchLogs: SearchLogs
  audit: AuditControl
  traceSinkUrl: string
  prometheusUrl: string | undefined
}> = async (app, { searchLogs, audit, traceSinkUrl, prometheusUrl }) => {
  app.get('/audit', async () => audit.view())

  app.post('/audit', { schema: { body: NoBody } }, async (_request, reply) => {
    const problem = audit.start()
    return problem === undefined
      ? { did: 'The auditor waits until nothing is under way, and then reads every source.' }
      : reply.code(409).send({ error: problem })
  })

  app.get('/alerts', async (_request, reply) => {
    if (prometheusUrl === undefined) {
      return reply
        .code(503)
        .send({ error: 'This system has no Prometheus; `npm run doctor` says why.' })
    }
    return readAlerts(prometheusUrl)
  })

  app.get('/logs', { schema: { querystring: TraceQuery } }, async ({ query: { traceId } }) => ({
    logs: (await searchLogs(line => line.includes(traceId))).slice(0, limits.moment.linesMax),
  }))

  app.get('/moment', { schema: { querystring: AtQuery } }, async ({ query }) => {
    const at = Number(query.at)
    const from = at - limits.moment.aroundMs
    const to = at + limits.moment.aroundMs
    const found = await searchLogs(line => isAlarm.test(line) && isBetween(line, from, to))
    // Those that are cut off are the furthest from the moment.
    const logs = found
      .toSorted((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at))
      .slice(0, limits.moment.linesMax)
      .toSorted((a, b) => a.at - b.at)
    try {
      const path = `/traces?from=${from}&to=${to}`
      const { traces } = await askTraceSink<{ traces: TraceSummary[] }>(traceSinkUrl, path)
      return { logs, traces: traces.slice(0, limits.moment.tracesMax) } satisfies MomentView
    } catch (error) {
      const unseen = `the trace sink: ${(error as Error).message}`
      return { logs, unseen } satisfies MomentView
    }
  })
}
