import type { OutboundCall } from '@nightshift/patterns/circuit-breaker/outbound-call'
import type { HttpAnswer, HttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { retryAfterMs } from '@nightshift/runtime/http/retry-after'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import { limits } from '../limits.ts'

const { retryAfterCapMs } = limits.provider

export type ProviderConnection = {
  call: OutboundCall
  http: Pick<HttpClient, 'call'>
  secretKey: string
}

/** Stripe's intents, refunds, lists and errors, as far as we rely on them. */
export type ProviderObject = {
  id?: string
  status?: string
  /** In a refund. */
  amount?: number
  metadata?: Record<string, string>
  /** In an intent. */
  amount_received?: number
  latest_charge?: { balance_transaction?: { fee?: number } | string | null } | string | null
  last_payment_error?: ProviderError | null
  /** In a list. */
  data?: ProviderObject[]
  has_more?: boolean
  error?: ProviderError
}
export type ProviderError = { type?: string; code?: string; decline_code?: string; param?: string }

/** An answer that can be read. It may be a refusal. */
export type Answer = { kind: 'answered'; status: number; body: ProviderObject }
type NoAnswer = Extract<Outcome<never>, { kind: 'unknown' | 'shed' | 'not-sent' }>

/** Has the provider do something once for its key, however often it is called. */
export function post(
  provider: ProviderConnection,
  deadline: Deadline,
  request: { path: string; key: string; form: Readonly<Record<string, string>> },
): Promise<Answer | NoAnswer> {
  return ask(provider, {
    method: 'POST',
    path: request.path,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': request.key,
    },
    body: new URLSearchParams(request.form).toString(),
    deadline,
  })
}

/** Reads, and changes nothing. */
export function get(
  provider: ProviderConnection,
  deadline: Deadline,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<Answer | NoAnswer> {
  return ask(provider, { method: 'GET', path: `${path}?${new URLSearchParams(query)}`, deadline })
}

async function ask(
  { http, secretKey }: ProviderConnection,
  request: Parameters<HttpClient['call']>[0],
): Promise<Answer | NoAnswer> {
  const headers = { authorization: `Bearer ${secretKey}`, ...request.headers }
  const answer = await http.call({ ...request, headers })
  return answer.kind === 'answer' ? readAnswer(answer) : answer
}

/** An answer that can't be read is treated like none. */
function readAnswer(answer: Extract<HttpAnswer, { kind: 'answer' }>): Answer | NoAnswer {
  const { status } = answer
  const body = parse(answer.body)
  if (status >= 500 || body === undefined) return unknown(`the provider answered ${status}`)
  if (status === 429) {
    const header = answer.headers['retry-after']
    return { kind: 'shed', retryAfterMs: retryAfterMs(header, Date.now(), retryAfterCapMs) }
  }
  // Another request with this key is in progress: one of ours, sent a moment ago.
  if (status === 409) return unknown('the provider is still working on it')
  return { kind: 'answered', status, body }
}

export function unknown(message: string): { kind: 'unknown'; cause: Error } {
  return { kind: 'unknown', cause: new Error(message) }
}

/** An answer that the provider never gives to a correct request: a person has to look. */
export function misused({ status, body }: Answer): { kind: 'bug'; cause: Error } {
  const about = body.error?.code ?? body.status ?? ''
  return { kind: 'bug', cause: new Error(`the provider answered ${status} ${about}`) }
}

function parse(body: string): ProviderObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // the return type says that the answer can't be read
  }
}
