import exec from 'k6/execution'
import http from 'k6/http'
import { type Answer, type Asked, invokeLine, outcomeLine, outcomeTypeOf } from './history-line.ts'
import { attempts, errorAnswers } from './metrics.ts'

export type Request = Readonly<{
  method: 'GET' | 'POST'
  url: string
  headers: Readonly<Record<string, string>>
  body?: object
  timeoutMs: number
  /** Nobody reads the body of the answer: k6 drops it as it comes. */
  ignoresBody?: boolean
}>

export type Recorder = Readonly<{
  run: string
  record: boolean
  traceId: string
  /** Makes the id of the request's span. */
  spanId: () => string
  /** The time since the intended start of this visit. */
  sinceMs: () => number
}>

/** Each virtual user has a range of numbers for its attempts, so that numbers are unique in a run. */
const attemptsPerUserMax = 1_000_000

let attempted = 0
/** The number of this virtual user, asked for once: k6 makes a new object for each question. */
let user = 0
/** How often this virtual user took a new process name, which it does after each `info`. */
let retired = 0

/**
 * Sends a request, and writes a history line before and after it. The lines go to the console of k6,
 * which writes them to a file without a buffer (`--console-output`).
 */
export function attempt(recorder: Recorder, asked: Asked, request: Request): Answer {
  const { run, record, traceId } = recorder
  user ||= exec.vu.idInTest
  attempted += 1
  const idx = user * attemptsPerUserMax + attempted
  const proc = retired === 0 ? String(user) : `${user}.${retired}`
  const head = () => ({ run, idx, proc, t: Date.now(), traceId })

  if (record) console.log(invokeLine(asked, head()))
  const traceparent = `00-${traceId}-${recorder.spanId()}-01`
  const answer = send(request, { traceparent })
  if (record) console.log(outcomeLine(asked, head(), answer, recorder.sinceMs()))

  attempts.add(1)
  if (answer.status >= 500 && answer.status !== 503) errorAnswers.add(1)
  if (outcomeTypeOf(answer.status) === 'info') retired += 1
  return answer
}

/** Sends a request. A lost answer has the status 0. */
export function send(request: Request, extra: Readonly<Record<string, string>> = {}): Answer {
  const { method, url, headers, body, timeoutMs, ignoresBody = false } = request
  const contentType = body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const answer = http.request(method, url, body === undefined ? null : JSON.stringify(body), {
      headers: { ...headers, ...contentType, ...extra },
      timeout: timeoutMs,
      responseType: ignoresBody ? 'none' : 'text',
      // Without this name, k6 would keep a series of each metric for every id in a URL.
      tags: { name: method },
    })
    return readAnswer(answer.status, answer.headers, answer.body)
  } catch (error) {
    return { status: 0, body: {}, replayed: false, error: lossOf(String(error)) }
  }
}

function readAnswer(
  status: number,
  headers: Readonly<Record<string, string>>,
  text: unknown,
): Answer {
  const retryAfterSeconds = Number(headers['Retry-After'])
  return {
    status,
    body: parse(text),
    replayed: headers['Idempotency-Replayed'] === 'true',
    ...(headers['Retry-After'] && retryAfterSeconds >= 0 ? { retryAfterSeconds } : {}),
  }
}

function parse(text: unknown): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(String(text))
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  } catch {
    return {} // without a complete body, only the status counts
  }
}

/** A short description without the URL, which k6 quotes in its own. */
function lossOf(error: string): string {
  if (/timeout|deadline/i.test(error)) return 'timeout'
  if (/refused/i.test(error)) return 'connection refused'
  if (/reset|broken pipe/i.test(error)) return 'connection reset'
  if (/EOF/.test(error)) return 'connection closed'
  return 'no answer'
}
