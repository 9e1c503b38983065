import type { learnedRate } from '@nightshift/patterns/load-shedding/load-shedding'
import type { OutboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import type { HttpAnswer, HttpClient } from '@nightshift/patterns/unknown-outcome/http-client'
import { retryAfterMs } from '@nightshift/runtime/http/retry-after'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Outcome } from '@nightshift/runtime/process/outcome'
import { limits } from '../limits.ts'

const { retryAfterCapMs } = limits.provider

export type ProviderConnection = {
  call: OutboundCall
  /** For requests that change nothing. Those that work do not close the breaker of the others. */
  search: OutboundCall
  http: Pick<HttpClient, 'call'>
  /** Learns the provider's quota, which counts every POST. */
  admission: Pick<ReturnType<typeof learnedRate>, 'sent'>
  /** A search has answered, so nothing is sent that the quota counts. */
  noteQuotaUnused: () => void
  secretKey: string
}

/** The fields of Stripe's intents, refunds, lists and errors that we use. */
export type ProviderObject = {
  id?: string
  status?: string
  /** Fields of a refund. */
  amount?: number
  metadata?: Record<string, string>
  /** Fields of an intent. */
  amount_received?: number
  latest_charge?: { balance_transaction?: { fee?: number } | string | null } | string | null
  last_payment_error?: ProviderError | null
  /** Fields of a list. */
  data?: ProviderObject[]
  has_more?: boolean
  error?: ProviderError
}
export type ProviderError = { type?: string; code?: string; decline_code?: string; param?: string }

/** An answer that could be parsed. It may be a refusal. */
export type Answer = { kind: 'answered'; status: number; body: ProviderObject }
type NoAnswer = Extract<Outcome<never>, { kind: 'unknown' | 'shed' | 'not-sent' }>

/** Sends a request that the provider carries out once per key, even if it is repeated. */
export async function post(
  provider: ProviderConnection,
  deadline: Deadline,
  request: { path: string; key: string; form: Readonly<Record<string, string>> },
): Promise<Answer | NoAnswer> {
  const sent = provider.admission.sent()
  const answer = await send(provider, {
    method: 'POST',
    path: request.path,
    headers: {
      'content-type': 'application/x-www-form-urlencoded',
      'idempotency-key': request.key,
    },
    body: new URLSearchParams(request.form).toString(),
    deadline,
  })
  if (answer.kind === 'shed') sent.refused()
  if (answer.kind === 'not-sent') sent.notSent()
  return answer
}

/** Sends a request that changes nothing. */
export function get(
  provider: ProviderConnection,
  deadline: Deadline,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<Answer | NoAnswer> {
  return send(provider, { method: 'GET', path: `${path}?${new URLSearchParams(query)}`, deadline })
}

async function send(
  { http, secretKey }: ProviderConnection,
  request: Parameters<HttpClient['call']>[0],
): Promise<Answer | NoAnswer> {
  const headers = { authorization: `Bearer ${secretKey}`, ...request.headers }
  const answer = await http.call({ ...request, headers })
  return answer.kind === 'answer' ? readAnswer(answer) : answer
}

/**
 * An answer that can't be parsed proves nothing, so it is treated like no answer. A 429 needs no body:
 * a gateway before the provider sends it with a page of its own, or with nothing.
 */
function readAnswer(answer: Extract<HttpAnswer, { kind: 'answer' }>): Answer | NoAnswer {
  const { status } = answer
  if (status === 429) {
    const header = answer.headers['retry-after']
    const waitMs = retryAfterMs(header, Date.now(), retryAfterCapMs)
    const doNotRetry = answer.headers['stripe-should-retry'] === 'false'
    return { kind: 'shed', retryAfterMs: waitMs, doNotRetry }
  }
  const body = parse(answer.body)
  if (status >= 500 || body === undefined) return unknown(`the provider answered ${status}`)
  // Another request of ours with this key is in progress.
  if (status === 409) return unknown('the provider is still working on it')
  return { kind: 'answered', status, body }
}

export function unknown(message: string): { kind: 'unknown'; cause: Error } {
  return { kind: 'unknown', cause: new Error(message) }
}

/** The outcome of an answer that no correct request gets: a person has to find our mistake. */
export function unexpected({ status, body }: Answer): { kind: 'bug'; cause: Error } {
  const about = body.error?.code ?? body.status ?? ''
  return { kind: 'bug', cause: new Error(`the provider answered ${status} ${about}`) }
}

function parse(body: string): ProviderObject | undefined {
  try {
    const value: unknown = JSON.parse(body)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined // the caller treats it like no answer
  }
}
