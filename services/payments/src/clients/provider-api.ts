import type { OutboundCall } from '@nightshift/patterns/circuit-breaker/outbound-call'
import type { HttpAnswer, HttpClient } from '@nightshift/runtime/http/client'
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
  /** Of a refund. */
  amount?: number
  metadata?: Record<string, string>
  /** Of an intent. */
  amount_received?: number
  latest_charge?: { balance_transaction?: { fee?: number } | string | null } | string | null
  last_payment_error?: ProviderError | null
  /** Of a list. */
  data?: ProviderObject[]
  has_more?: boolean
  error?: ProviderError
}
export type ProviderError = { type?: string; code?: string; decline_code?: string; param?: string }

/** An answer that can be read, a refusal of the provider included. */
export type Said = { kind: 'said'; status: number; body: ProviderObject }
type NothingSaid = Extract<Outcome<never>, { kind: 'unknown' | 'shed' | 'not-sent' }>

/** Asks for something to be done, under a key: asked again, it is not done again. */
export function post(
  provider: ProviderConnection,
  deadline: Deadline,
  asked: { path: string; key: string; form: Readonly<Record<string, string>> },
): Promise<Said | NothingSaid> {
  return ask(provider, {
    method: 'POST',
    path: asked.path,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': asked.key,
    },
    body: new URLSearchParams(asked.form).toString(),
    deadline,
  })
}

/** Reads, and changes nothing. */
export function get(
  provider: ProviderConnection,
  deadline: Deadline,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<Said | NothingSaid> {
  return ask(provider, { method: 'GET', path: `${path}?${new URLSearchParams(query)}`, deadline })
}

async function ask(
  { http, secretKey }: ProviderConnection,
  asked: Parameters<HttpClient['call']>[0],
): Promise<Said | NothingSaid> {
  const headers = { authorization: `Bearer ${secretKey}`, ...asked.headers }
  const answer = await http.call({ ...asked, headers })
  return answer.kind === 'answer' ? readAnswer(answer) : answer
}

/** What is the same for every question: an answer that we can't read is no answer. */
function readAnswer(answer: Extract<HttpAnswer, { kind: 'answer' }>): Said | NothingSaid {
  const { status } = answer
  const body = parse(answer.body)
  if (status >= 500 || body === undefined) return unknown(`the provider answered ${status}`)
  if (status === 429) {
    const header = answer.headers['retry-after']
    return { kind: 'shed', retryAfterMs: retryAfterMs(header, Date.now(), retryAfterCapMs) }
  }
  // Somebody is asking under this key right now: we, a moment ago.
  if (status === 409) return unknown('the provider is still working on it')
  return { kind: 'said', status, body }
}

export function unknown(message: string): { kind: 'unknown'; cause: Error } {
  return { kind: 'unknown', cause: new Error(message) }
}

/** Nothing that the provider says to us as it should be: a person has to look. */
export function misused({ status, body }: Said): { kind: 'bug'; cause: Error } {
  const about = body.error?.code ?? body.status ?? ''
  return { kind: 'bug', cause: new Error(`the provider answered ${status} ${about}`) }
}

function parse(body: string): ProviderObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // said by the return type: the answer can't be read
  }
}
