import { type Dispatcher, Pool } from 'undici'
import type { Deadline } from '../process/deadline.ts'
import { deadlineHeader } from '../process/deadline.ts'
import { injectInto } from '../telemetry/tracing.ts'

export type HttpClientLimits = {
  connectionsMax: number
  connectMs: number
  answerBytesMax: number
}

export type HttpCall = {
  method: 'GET' | 'POST'
  path: string
  headers?: Record<string, string>
  body?: string
  deadline: Deadline
}

/** The answer on the wire. Its meaning is decided by the client that asked. */
export type HttpAnswer =
  | { kind: 'answer'; status: number; headers: Record<string, unknown>; body: string }
  | { kind: 'not-sent'; cause: unknown }
  | { kind: 'unknown'; cause: unknown }

export type HttpClient = {
  call: (call: HttpCall) => Promise<HttpAnswer>
  close: () => Promise<void>
}

/** One pool of connections to one dependency. Nothing is retried here: retries are a decision. */
export function openHttpClient(baseUrl: string, limits: HttpClientLimits): HttpClient {
  const pool = new Pool(baseUrl, {
    connections: limits.connectionsMax,
    pipelining: 1,
    connect: { timeout: limits.connectMs },
    // The deadline of the call bounds the whole; these two would only bound the gaps.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: limits.answerBytesMax,
  })
  return {
    call: call => callOnce(pool, call),
    close: () => pool.destroy(),
  }
}

async function callOnce(pool: Pool, call: HttpCall): Promise<HttpAnswer> {
  const wire = { started: false }
  const giveUp = new AbortController()
  const over = Promise.withResolvers<never>()
  // Cleared with the answer. `AbortSignal.timeout` would go off later all the same, and make an error
  // with a stack that nothing uses.
  const timer = setTimeout(() => {
    const late = new Error('the deadline has passed')
    giveUp.abort(late)
    over.reject(late)
  }, call.deadline.remainingMs())
  try {
    if (call.deadline.remainingMs() <= 0) throw new Error('the deadline has passed')
    // undici watches the signal only once it has a connection for the request: in its queue, or while
    // it connects, the deadline would pass unnoticed.
    return await Promise.race([exchange(pool, call, wire, giveUp.signal), over.promise])
  } catch (cause) {
    return wire.started ? { kind: 'unknown', cause } : { kind: 'not-sent', cause }
  } finally {
    clearTimeout(timer)
  }
}

async function exchange(
  pool: Pool,
  { method, path, headers, body, deadline }: HttpCall,
  wire: { started: boolean },
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const answer = await pool.compose(noticeStart(wire, signal)).request({
    method,
    path,
    headers: injectInto({
      ...headers,
      [deadlineHeader]: String(Math.floor(deadline.remainingMs())),
    }),
    body: body ?? null,
    signal,
  })
  const text = await answer.body.text()
  return { kind: 'answer', status: answer.statusCode, headers: answer.headers, body: text }
}

/**
 * Notices the moment at which a request is handed to a socket. Before it nothing can have happened;
 * after it anything may have. The name of an error does not tell them apart: the same ECONNRESET
 * comes in both cases.
 */
function noticeStart(
  wire: { started: boolean },
  signal: AbortSignal,
): Dispatcher.DispatcherComposeInterceptor {
  return dispatch => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        // A request that was given up in the queue comes here too, and is dropped unwritten.
        if (!signal.aborted) wire.started = true
        handler.onRequestStart?.(controller, context)
      },
      onRequestUpgrade: handler.onRequestUpgrade?.bind(handler),
      onResponseStart: handler.onResponseStart?.bind(handler),
      onResponseData: handler.onResponseData?.bind(handler),
      onResponseEnd: handler.onResponseEnd?.bind(handler),
      onResponseError: handler.onResponseError?.bind(handler),
    } as Dispatcher.DispatchHandler)
}
