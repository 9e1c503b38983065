import { context, TraceFlags, trace } from '@opentelemetry/api'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { deadlineHeader, deadlineIn } from '../process/deadline.ts'
import { openLineBudget } from '../telemetry/line-budget.ts'
import type { Log } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { contextFrom, SpanKind, startSpan } from '../telemetry/tracing.ts'
import { unauthorized } from './refusals.ts'
import { stateOf } from './request-state.ts'

/** The facts about a request that has ended. */
export type RequestRecord = {
  requestId: string
  /** One of HTTP's methods; `unknown` when it could not be read. */
  method: string
  /** A template and not a URL: ids must become neither labels nor span names. */
  route: string
  status: number
  durationMs: number
  facts?: Record<string, unknown>
}

export type RecordRequest = (record: RequestRecord) => void

/** Any other status in the 500s says that we refused, or that a part of the system is away. */
const mistakeOfOurs = 500
/** Lines of requests to one route with one status. */
const linesPerSecondMax = 100

/**
 * Writes the canonical line and the measurement of a request, however it ended. A mistake of ours always
 * has its line. Other requests are only counted where there are too many of one kind in a second.
 */
export function requestRecorder(log: Log, metrics: Metrics): RecordRequest {
  const mayWrite = openLineBudget(linesPerSecondMax, leftOut => {
    log.info({ event: 'http.requests_unlogged', leftOut })
  })
  return ({ facts, ...record }) => {
    const { method, route, status, durationMs } = record
    const exemplarLabels = sampledTrace()
    metrics.httpRequestSeconds.observe({
      labels: { method, route, status: String(status) },
      value: durationMs / 1000,
      ...(exemplarLabels && { exemplarLabels }),
    })
    const line = { event: 'http.request', ...record, ...facts } as const
    if (status === mistakeOfOurs) log.error(line)
    else if (!mayWrite(`${method} ${route} ${status}`)) return
    else if (status > mistakeOfOurs) log.warn(line)
    else log.info(line)
  }
}

/** The trace that an exemplar leads to. One that is not kept would lead nowhere. */
function sampledTrace(): Record<string, string> | undefined {
  const span = trace.getActiveSpan()?.spanContext()
  const isKept = span !== undefined && (span.traceFlags & TraceFlags.SAMPLED) !== 0
  return isKept ? { trace_id: span.traceId } : undefined
}

/** Gives every request its deadline, its span and its record. */
export function observeRequests(
  app: FastifyInstance,
  budgetOf: (header: string | string[] | undefined) => number,
  record: RecordRequest,
): void {
  app.addHook('onRequest', (request, reply, done) => {
    const state = stateOf(request)
    state.deadline = deadlineIn(budgetOf(request.headers[deadlineHeader]))
    const parent = contextFrom(headerText(request.headers['traceparent']))
    state.span = startSpan(`${request.method} ${routeOf(request)}`, {
      kind: SpanKind.SERVER,
      parent,
      attributes: { 'http.request.method': request.method, 'http.route': routeOf(request) },
    })
    state.context = trace.setSpan(parent, state.span)
    reply.raw.once('close', () => {
      state.closed = true
      if (state.answered) end(request, reply)
    })
    context.with(state.context, done)
  })
  // A body is read from socket events, which run in another asynchronous context than the hooks
  // before it. The context of the span is entered again.
  app.addHook('preValidation', (request, _reply, done) => {
    context.with(stateOf(request).context, done)
  })
  // A response to a caller that has hung up never finishes. Its record is written when the handler has
  // come to its answer.
  app.addHook('onSend', (request, reply, payload, done) => {
    const state = stateOf(request)
    state.answered = true
    if (state.closed) end(request, reply)
    done(null, payload)
  })
  app.addHook('onResponse', (request, reply, done) => {
    end(request, reply)
    done()
  })

  function end(request: FastifyRequest, reply: FastifyReply): void {
    const state = stateOf(request)
    if (state.ended) return
    state.ended = true
    clearTimeout(state.whenLost)
    state.whenEnded?.()
    const status = reply.statusCode
    if (state.closed) state.facts['hungUp'] = true
    if (status === unauthorized.status) state.facts['peer'] = request.socket.remoteAddress
    state.span?.setAttribute('http.response.status_code', status)
    if (status >= 500) state.span?.setAttribute('error.type', String(status))
    state.span?.end()
    context.with(state.context, () =>
      record({
        requestId: request.id,
        method: request.method,
        route: routeOf(request),
        status,
        durationMs: Math.round(reply.elapsedTime * 100) / 100,
        facts: state.facts,
      }),
    )
  }
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unmatched'
}

function headerText(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
