import { call } from '@nightshift/load-tests/harness/test-client'
import type { TestSystem } from '@nightshift/load-tests/harness/test-system'

/**
 * Sends a request to the provider, past the service. It stands for an old request of the service,
 * or for a person who works with the provider's dashboard.
 */
export async function actAtProvider(
  { urls, secrets }: TestSystem,
  path: string,
  form: Readonly<Record<string, string>> = {},
  key?: string,
): Promise<{ id: string }> {
  const answer = await fetch(`${urls.cardProvider}/v1${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${secrets.cardProviderSecretKey}`,
      'content-type': 'application/x-www-form-urlencoded',
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: new URLSearchParams(form).toString(),
    signal: AbortSignal.timeout(5_000),
  })
  const body = (await answer.json()) as { id: string }
  if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(body)}`)
  return body
}

/** The types of the log lines about intents and refunds that the provider has for a payment. */
export async function providerEventsOf(system: TestSystem, paymentId: string): Promise<string[]> {
  const url = `${system.urls.cardProvider}/log?payment_id=${paymentId}&limit=1000`
  const lines: { type: string }[] = (await call('GET', url)).json.lines
  return lines.map(({ type }) => type).filter(type => /^(intent|refund)\./.test(type))
}
