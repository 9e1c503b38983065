import { call, type ProviderLogLine } from '@nightshift/load-tests/harness/test-client'
import type { TestSystem } from '@nightshift/load-tests/harness/test-system'
import { circuitBreakerLogEvents } from '@nightshift/patterns/circuit-breaker/log-events'
import { runtimeLogEvents } from '@nightshift/runtime/telemetry/log-events'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { paymentsLogEvents } from '../../src/log-events.ts'
import type { Meant } from './honest-caller.ts'

/**
 * No card was charged and no money given back but for what was meant, and once for that; no other
 * payment or refund was even begun; nothing that was sent was more than we could take, or forged a
 * line of our log.
 */
export async function expectOnlyMeant(
  system: TestSystem,
  database: Client,
  { paid, held, refunded }: Meant,
): Promise<void> {
  const truth = await readProviderLog(system.urls.cardProvider)
  expect(chargedPublications(truth)).toEqual(paid.toSorted())
  expect(refundsMade(truth)).toEqual(refunded.toSorted())
  const payments = await database.query('SELECT publication_id AS id FROM payments')
  expect(payments.rows.map(({ id }) => id).sort()).toEqual([...paid, ...held].sort())
  const refunds = await database.query('SELECT refund_id AS id FROM refunds')
  expect(refunds.rows.map(({ id }) => id).sort()).toEqual(refunded.toSorted())
  const log = (await system.logs('payments')).trimEnd().split('\n')
  const lines = log.map(line => JSON.parse(line))
  expect(lines.filter(({ level, status }) => level === 'error' || status >= 500)).toEqual([])
  expect(lines.filter(({ event }) => !logEvents.includes(event))).toEqual([])
}

const logEvents: string[] = [...runtimeLogEvents, ...circuitBreakerLogEvents, ...paymentsLogEvents]

/** All that the provider has written down. */
async function readProviderLog(providerUrl: string): Promise<ProviderLogLine[]> {
  const lines: ProviderLogLine[] = []
  let page = { hasMore: true, nextAfter: 0 }
  while (page.hasMore) {
    const { json } = await call('GET', `${providerUrl}/log?limit=1000&after=${page.nextAfter}`)
    page = json
    lines.push(...json.lines)
  }
  return lines
}

/** What the cards were charged for, as often as they were. */
function chargedPublications(truth: readonly ProviderLogLine[]): string[] {
  const charges = truth.filter(({ type }) => ['intent.succeeded', 'intent.captured'].includes(type))
  return charges.map(({ metadata }) => String(metadata['publication_id'])).sort()
}

/** Which of our refunds the provider has made, as often as it has. */
function refundsMade(truth: readonly ProviderLogLine[]): string[] {
  const made = truth.filter(({ type }) => type === 'refund.succeeded')
  return made.map(({ refundMetadata }) => String(refundMetadata?.['refund_id'])).sort()
}
