import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processNames } from '@nightshift/local/system/topology'
import { openKafka } from '@nightshift/runtime/kafka/client'
import { openLog } from '@nightshift/runtime/telemetry/logger'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import { openFaultLog } from '../harness/fault-log.ts'
import { openRecordingClient } from '../harness/recording-client.ts'
import { sourcesOf } from '../harness/sources.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { saveAlerts } from './auditor-run.ts'

const run = processNames.filter(name => name !== 'trace-sink')
const parts = inject('parts')
const restMs = 15_000
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auditor-'))
})
afterEach(() => rm(dir, { recursive: true }))

/** Another producer, which uses transactions. */
async function openTransactions(system: TestSystem) {
  const log = openLog('test')
  log.setLevel('silent')
  const kafka = openKafka('foreign', system.brokers, { retries: 5 }, log)
  const producer = kafka.producer({
    transactionalId: randomUUID(),
    idempotent: true,
    maxInFlightRequests: 1,
  })
  await producer.connect()
  const transact = async (topic: string, partitions: number[], end: 'commit' | 'abort') => {
    const transaction = await producer.transaction()
    const messages = partitions.map(partition => ({ partition, key: 'k', value: `${end}ed` }))
    await transaction.send({ topic: system.prefix + topic, messages })
    await transaction[end]()
  }
  /** Sends a record, and leaves the transaction open. */
  const begin = async (topic: string, partition: number) => {
    const transaction = await producer.transaction()
    const messages = [{ partition, key: 'k', value: 'undecided' }]
    await transaction.send({ topic: system.prefix + topic, messages })
    return transaction
  }
  return { transact, begin, [Symbol.asyncDispose]: () => producer.disconnect() }
}

/**
 * Regression: the auditor counted aborted records and transaction markers (librdkafka#3917). It reported
 * lost events, and consumers that lagged for ever.
 */
test('a producer that aborts its transactions breaks no promise', async () => {
  await using system = await openTestSystem({ parts, run })
  await using foreign = await openTransactions(system)
  const client = openRecordingClient(system, join(dir, 'history.jsonl'))
  const recordFault = openFaultLog(join(dir, 'faults.jsonl'))
  recordFault('producer', 'begin', 'aborts its transactions')
  await saveAlerts(system)

  // Aborted records come before, between and behind committed ones, and on empty partitions.
  const all = [0, 1, 2, 3]
  await foreign.transact('listings.v1', all, 'abort')
  await foreign.transact('payments.v1', all, 'abort')
  recordFault('producer', 'end', 'aborts its transactions')
  await client.publish('acme', await client.draft('acme'))
  await foreign.transact('listings.v1', [0, 0, 1], 'commit')
  await foreign.transact('listings.v1', [0, 1, 1], 'abort')
  await client.publish('acme', await client.draft('acme'))
  await foreign.transact('listings.v1', all, 'abort')
  await foreign.transact('payments.v1', [2, 2, 2], 'abort')

  const sources = sourcesOf(system, parts, dir)
  const quiescence = await waitForQuiescence(sources, restMs)
  expect(quiescence).toMatchObject({ quiet: true, remaining: [], unasked: [] })
  const evidence = await collect(sources, { quiescence })
  const verdict = audit(evidence)
  expect(verdict).toMatchObject({ violations: [], valid: true })

  const { records, partitions } = evidence
  if (records.state !== 'read' || partitions.state !== 'read') throw new Error('nothing was read')
  const foreignRecords = records.rows.filter(
    ({ topic, unreadable }) => topic === 'listings.v1' && unreadable !== undefined,
  )
  // These are committed and no events, so the service has dead-lettered them.
  expect(foreignRecords).toHaveLength(3)
  const letters = records.rows.filter(({ deadLetter }) => deadLetter?.topic === 'listings.v1')
  expect(letters).toHaveLength(3)
  const without = partitions.rows.filter(({ topic }) => topic === 'listings.v1')
  // 4 + 3 + 4 aborted records, and one marker per partition and transaction: 4 + 2 + 2 + 4.
  expect(without.reduce((sum, row) => sum + (row.noRecords ?? 0), 0)).toBe(11 + 12)
}, 90_000)

test('while a transaction is open, the records behind it are unknown and not lost', async () => {
  await using system = await openTestSystem({ parts, run })
  await using foreign = await openTransactions(system)
  const client = openRecordingClient(system, join(dir, 'history.jsonl'))
  openFaultLog(join(dir, 'faults.jsonl'))('producer', 'begin', 'opens a transaction')
  await saveAlerts(system)
  const transaction = await foreign.begin('payments.v1', 0)
  await client.pay('acme')

  const sources = sourcesOf(system, parts, dir)
  const quiescence = await waitForQuiescence(sources, 2_000)
  const whats = quiescence.remaining.map(({ what }) => what)
  expect(whats).toContain(
    'a transaction is open on payments.v1/0 from offset 0: the records behind it cannot be read yet',
  )
  const evidence = await collect(sources, {})
  expect(evidence.records).toMatchObject({ state: 'missing' })
  expect(audit(evidence).valid).toBe('unknown')

  await transaction.abort()
  const after = await waitForQuiescence(sources, restMs)
  expect(after).toMatchObject({ quiet: true, remaining: [], unasked: [] })
  const evidenceAfter = await collect(sources, { quiescence: after })
  expect(audit(evidenceAfter, { paysDirectly: true }).violations).toEqual([])
}, 90_000)
