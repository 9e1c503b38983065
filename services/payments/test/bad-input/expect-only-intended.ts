import { type ProviderLogLine, readProviderLog } from '@nightshift/load-tests/harness/test-client'
import type { TestSystem } from '@nightshift/load-tests/harness/test-system'
import { circuitBreakerLogEvents } from '@nightshift/patterns/circuit-breaker/log-events'
import { runtimeLogEvents } from '@nightshift/runtime/telemetry/log-events'
import type { Client } from 'pg'
import { expect } from 'vitest'
import { paymentsLogEvents } from '../../src/log-events.ts'
import type { Intended } from './honest-caller.ts'

/**
 * Checks that only the intended payments and refunds exist, at the provider and in the database,
 * and each of them once. No request may have caused an error or forged a line of the log.
 */
export async function expectOnlyIntended(
  system: TestSystem,
  database: Client,
  { paid, authorized, refunded }: Intended,
): Promise<void> {
  const providerLog = await readProviderLog(system)
  expect(chargedPublications(providerLog)).toEqual(paid.toSorted())
  expect(refundsMade(providerLog)).toEqual(refunded.toSorted())
  const payments = await database.query('SELECT publication_id AS id FROM payments')
  expect(payments.rows.map(({ id }) => id).sort()).toEqual([...paid, ...authorized].sort())
  const refunds = await database.query('SELECT refund_id AS id FROM refunds')
  expect(refunds.rows.map(({ id }) => id).sort()).toEqual(refunded.toSorted())
  const log = (await system.logs('payments')).trimEnd().split('\n')
  const lines = log.map(line => JSON.parse(line))
  // A thousand requests at once may be more than a busy machine serves in time.
  const others = lines.filter(({ refusedAt }) => refusedAt !== 'entrance')
  expect(others.filter(({ level, status }) => level === 'error' || status >= 500)).toEqual([])
  expect(lines.filter(({ event }) => !logEvents.includes(event))).toEqual([])
}

const logEvents = Object.keys({
  ...runtimeLogEvents,
  ...circuitBreakerLogEvents,
  ...paymentsLogEvents,
})

/** The publication of each charge. */
function chargedPublications(lines: readonly ProviderLogLine[]): string[] {
  const publications = lines.flatMap(line => {
    const isCharge = line.type === 'intent.succeeded' || line.type === 'intent.captured'
    return isCharge ? [String(line.metadata['publication_id'])] : []
  })
  return publications.sort()
}

/** Our id of each refund that the provider has made. */
function refundsMade(lines: readonly ProviderLogLine[]): string[] {
  const made = lines.filter(line => line.type === 'refund.succeeded')
  return made.map(({ refundMetadata }) => String(refundMetadata['refund_id'])).sort()
}
