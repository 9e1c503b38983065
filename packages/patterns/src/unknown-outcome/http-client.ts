import { type Deadline, deadlineHeader } from '@nightshift/runtime/process/deadline'
import { injectInto } from '@nightshift/runtime/telemetry/tracing'
import { type Dispatcher, Pool } from 'undici'
import type { Timer } from '../local-stall/types.ts'
import { sharedLookUp } from './shared-look-up.ts'

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

/**
 * How a request ended, seen from the socket. `not-sent`: no byte was written, so it had no effect.
 * `unknown`: bytes were written and no answer came, so it may have had its effect.
 */
export type HttpAnswer =
  | { kind: 'answer'; status: number; headers: Record<string, unknown>; body: string }
  | { kind: 'not-sent'; cause: unknown }
  | { kind: 'unknown'; cause: unknown }

export type HttpClient = {
  call: (call: HttpCall) => Promise<HttpAnswer>
  close: () => Promise<void>
}

/**
 * One pool of connections to one dependency. It never retries: that is for its caller to decide.
 * @param timer ends a call whose deadline has passed
 */
export function openHttpClient(
  baseUrl: string,
  limits: HttpClientLimits,
  timer: Timer,
): HttpClient {
  const pool = new Pool(baseUrl, {
    connections: limits.connectionsMax,
    pipelining: 1,
    connect: { timeout: limits.connectMs, lookup: sharedLookUp() },
    // The deadline bounds the whole call. These timeouts would only bound the gaps between bytes.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: limits.answerBytesMax,
  })
  return {
    call: call => callOnce(pool, timer, call),
    close: () => pool.destroy(),
  }
}

async function callOnce(pool: Pool, timer: Timer, call: HttpCall): Promise<HttpAnswer> {
  const request = { isSent: false }
  const giveUp = new AbortController()
  const late = Promise.withResolvers<never>()
  // Cancelled when the answer is there. `AbortSignal.timeout` would still fire later, with an error
  // that no code handles.
  const cancel = timer(call.deadline.remainingMs(), stall => {
    const error = stall ?? new Error('the deadline has passed')
    giveUp.abort(error)
    late.reject(error)
  })
  try {
    if (call.deadline.remainingMs() <= 0) throw new Error('the deadline has passed')
    // undici checks the signal only when it has a connection for the request. While the request is
    // in its queue, or while undici connects, the deadline would pass unnoticed.
    return await Promise.race([exchange(pool, call, request, giveUp.signal), late.promise])
  } catch (cause) {
    return request.isSent ? { kind: 'unknown', cause } : { kind: 'not-sent', cause }
  } finally {
    cancel()
  }
}

async function exchange(
  pool: Pool,
  { method, path, headers, body, deadline }: HttpCall,
  sent: { isSent: boolean },
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const answer = await pool.compose(noteWhenSent(sent, signal)).request({
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
 * Notes the moment at which a request is handed to a socket. Before it the request had no effect.
 * After it, the outcome is unknown. The error code can't tell the two apart: the same ECONNRESET
 * comes in both cases.
 */
function noteWhenSent(
  request: { isSent: boolean },
  signal: AbortSignal,
): Dispatcher.DispatcherComposeInterceptor {
  return dispatch => (options, handler) =>
    dispatch(options, {
      onRequestStart: (controller, context) => {
        // A request that was aborted in the queue comes here too, and is dropped unwritten.
        if (!signal.aborted) request.isSent = true
        handler.onRequestStart?.(controller, context)
      },
      onRequestUpgrade: handler.onRequestUpgrade?.bind(handler),
      onResponseStart: handler.onResponseStart?.bind(handler),
      onResponseData: handler.onResponseData?.bind(handler),
      onResponseEnd: handler.onResponseEnd?.bind(handler),
      onResponseError: handler.onResponseError?.bind(handler),
    } as Dispatcher.DispatchHandler)
}
