import exec from 'k6/execution'
import http from 'k6/http'
import { type Answer, type Asked, invokeLine, outcomeLine, outcomeTypeOf } from './history-line.ts'
import { attempts, errorAnswers } from './measures.ts'

export type Request = Readonly<{
  method: 'GET' | 'POST'
  url: string
  headers: Readonly<Record<string, string>>
  body?: object
  timeoutMs: number
}>

export type Recorder = Readonly<{
  run: string
  record: boolean
  traceId: string
  /** Of the request's span. */
  spanId: () => string
  /** Since the moment at which this person was meant to come. */
  sinceMs: () => number
}>

/** Room for the attempts of one virtual user, so that a number is unique without asking others. */
const attemptsPerUserMax = 1_000_000

let attempted = 0
/** How often this virtual user has gone on under another name, after an `info`. */
let retired = 0

/**
 * Sends a request and keeps the history of it: a line before, and one after. The lines go to
 * k6's console, which writes them to a file, unbuffered (`--console-output`).
 */
export function attempt(recorder: Recorder, asked: Asked, request: Request): Answer {
  const { run, record, traceId } = recorder
  const { idInTest: user } = exec.vu
  attempted += 1
  const idx = user * attemptsPerUserMax + attempted
  const proc = retired === 0 ? String(user) : `${user}.${retired}`
  const written = () => ({ run, idx, proc, t: Date.now(), traceId })

  if (record) console.log(invokeLine(asked, written()))
  const traceparent = `00-${traceId}-${recorder.spanId()}-01`
  const answer = send(request, { traceparent })
  if (record) console.log(outcomeLine(asked, written(), answer, recorder.sinceMs()))

  attempts.add(1)
  if (answer.status >= 500 && answer.status !== 503) errorAnswers.add(1)
  if (outcomeTypeOf(answer.status) === 'info') retired += 1
  return answer
}

/** Sends a request; no answer is an answer with status 0. */
export function send(request: Request, extra: Readonly<Record<string, string>> = {}): Answer {
  const { method, url, headers, body, timeoutMs } = request
  const contentType = body === undefined ? {} : { 'content-type': 'application/json' }
  try {
    const answer = http.request(method, url, body === undefined ? null : JSON.stringify(body), {
      headers: { ...headers, ...contentType, ...extra },
      timeout: timeoutMs,
      // Else k6 keeps a series of every metric for each id that is part of a URL.
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
    return {} // a body cut short, or none: the status alone is judged
  }
}

/** In few words, and without the URL that k6 quotes. */
function lossOf(error: string): string {
  if (/timeout|deadline/i.test(error)) return 'timeout'
  if (/refused/i.test(error)) return 'connection refused'
  if (/reset|broken pipe/i.test(error)) return 'connection reset'
  if (/EOF/.test(error)) return 'connection closed'
  return 'no answer'
}
