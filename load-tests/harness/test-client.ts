import { waitUntil } from '@nightshift/local/wait-until'
import type { TestSystem } from './test-system.ts'

/** What came back, with the body as text and, where it is JSON, parsed. */
export type Answer = {
  status: number
  headers: Headers
  text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test asserts what is in it
  json: any
}

const answerMs = 15_000

/** One request. A lost answer throws, as it does to every client. */
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
      failure = error // a process that is just being restarted; the deadline decides
    }
    return answer !== undefined
  }, timeoutMs)
  if (there) return answer as T
  throw new Error(`not within ${timeoutMs} ms: ${what}`, { cause: failure })
}

/** The headers of an employer of the seed. */
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

export type ProviderLogLine = {
  type: string
  metadata: Record<string, string>
  amount: number
  /** Of refunds: their own. */
  refundMetadata?: Record<string, string>
}

/** How often the card was charged for a publication. The provider's own log is the judge. */
export async function chargesFor(
  system: TestSystem,
  publicationId: string,
): Promise<ProviderLogLine[]> {
  const lines = await providerLogOf(system, publicationId)
  return lines.filter(line => line.type === 'intent.succeeded')
}

/** Everything the provider wrote down about a publication. */
export async function providerLogOf(
  system: TestSystem,
  publicationId: string,
): Promise<ProviderLogLine[]> {
  const url = `${system.urls.cardProvider}/log?publication_id=${publicationId}&limit=1000`
  return (await call('GET', url)).json.lines
}

/** Turns the settings of the card provider. */
export async function setProviderFaults(system: TestSystem, settings: object): Promise<void> {
  const answer = await call('PATCH', `${system.urls.cardProvider}/settings`, { body: settings })
  if (answer.status !== 200) throw new Error(`the settings were refused: ${answer.text}`)
}

/** A draft that passes; what differs is the matter of the test. */
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
