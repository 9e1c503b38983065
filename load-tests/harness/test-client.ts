import type { ProviderLogLine } from '@nightshift/card-provider/provider-log-entry'
import { confirmAddress } from '@nightshift/local/seed/confirm-address'
import { waitUntil } from '@nightshift/local/wait-until'
import type { TestSystem } from './test-system.ts'

/** The answer to one request. The body is there as text and, where it is JSON, parsed. */
export type Answer = {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts what is in it
  json: any
}

const answerMs = 15_000

/** One request. A lost answer throws, as it does for every client. */
export async function call(
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  request: { headers?: Record<string, string>; body?: unknown } = {},
): Promise<Answer> {
  const answer = await fetch(url, {
    method,
    headers: {
      ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...request.headers,
    },
    ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    signal: AbortSignal.timeout(answerMs),
  })
  const text = await answer.text()
  const isJson = answer.headers.get('content-type')?.includes('json') ?? false
  return {
    status: answer.status,
    headers: answer.headers,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  }
}

/** Asks until the answer is not undefined, and returns it. @throws when the time is up */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  timeoutMs = 15_000,
): Promise<T> {
  let answer: T | undefined
  let failure: unknown
  const there = await waitUntil(async () => {
    try {
      answer = await ask()
    } catch (error) {
      failure = error // the process may be restarting; the deadline decides
    }
    return answer !== undefined
  }, timeoutMs)
  if (there) return answer as T
  throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: failure })
}

/** Sends a request again while it is refused as overloaded: a busy machine refuses a little of everything. */
export function whenThereIsRoom(what: string, send: () => Promise<Answer>): Promise<Answer> {
  return eventually(`there is room for ${what}`, async () => {
    const answer = await send()
    return answer.status === 503 ? undefined : answer
  })
}

export type { ProviderLogLine }

/** The headers of an employer from the seed data. */
export function as(
  system: TestSystem,
  tenant: 'acme' | 'northwind' | 'lumen',
  idempotencyKey?: string,
): Record<string, string> {
  return {
    authorization: `Bearer ${system.apiKeys[tenant]}`,
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  }
}

/** Everything that the provider has written down so far about one payment, one publication, or all. */
export async function readProviderLog(
  { urls }: Pick<TestSystem, 'urls'>,
  about: { payment_id?: string; publication_id?: string } = {},
): Promise<ProviderLogLine[]> {
  const lines: ProviderLogLine[] = []
  for (let after = 0, hasMore = true; hasMore; ) {
    const query = new URLSearchParams({ ...about, after: String(after), limit: '1000' })
    const page = (await call('GET', `${urls.cardProvider}/log?${query}`)).json
    lines.push(...page.lines)
    hasMore = page.hasMore && page.nextAfter > after
    after = page.nextAfter
  }
  return lines
}

/** How often the card was charged for a publication, according to the provider's own log. */
export async function chargesFor(
  system: TestSystem,
  publicationId: string,
): Promise<ProviderLogLine[]> {
  const lines = await providerLogOf(system, publicationId)
  return lines.filter(line => line.type === 'intent.succeeded')
}

/** Everything that the provider has written down about a publication. */
export function providerLogOf(
  system: TestSystem,
  publicationId: string,
): Promise<ProviderLogLine[]> {
  return readProviderLog(system, { publication_id: publicationId })
}

/** Changes fault settings of the card provider. */
export async function setProviderFaults(system: TestSystem, settings: object): Promise<void> {
  const headers = { authorization: `Bearer ${system.controlToken}` }
  const url = `${system.urls.cardProvider}/settings`
  const answer = await call('PATCH', url, { headers, body: settings })
  if (answer.status !== 200) throw new Error(`the settings were refused: ${answer.text}`)
}

/** A valid draft. A test passes the fields that it is about. */
export function draftListing(changes: object = {}) {
  return {
    title: 'Site Reliability Engineer',
    company: 'Acme Logistics',
    description: 'Own the on-call that nobody dreads.',
    area: 'europe',
    seniority: 'senior',
    salaryMinEurPerYear: 80_000,
    salaryMaxEurPerYear: 100_000,
    ...changes,
  }
}

/** Saves a confirmed alert that matches `draftListing`: without one, no mail could get lost. */
export async function saveAlert(
  system: TestSystem,
  alert: { email: string } & Record<string, unknown> = { email: 'ada@example.org', area: 'europe' },
): Promise<void> {
  const answer = await call('POST', `${system.urls.notifications}/v1/alerts`, { body: alert })
  if (answer.status !== 201) throw new Error(`the alert was refused: ${answer.text}`)
  await confirmAddress(system.urls.mailbox, alert.email)
}
