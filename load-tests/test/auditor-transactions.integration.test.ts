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
import { openClient } from '../harness/client.ts'
import { openFaultLog } from '../harness/note-fault.ts'
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

/** Another producer, which works in transactions. */
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
  /** Sends, and leaves the end to the caller. */
  const begin = async (topic: string, partition: number) => {
    const transaction = await producer.transaction()
    const messages = [{ partition, key: 'k', value: 'undecided' }]
    await transaction.send({ topic: system.prefix + topic, messages })
    return transaction
  }
  return { transact, begin, [Symbol.asyncDispose]: () => producer.disconnect() }
}

/**
 * What a transaction has aborted was never said, and its mark is no record. The auditor counted both
 * (librdkafka#3917), and said that events were lost and that the consumers were behind for ever.
 */
test('a producer that aborts its transactions breaks no promise', async () => {
  await using system = await openTestSystem({ parts, run })
  await using foreign = await openTransactions(system)
  const client = openClient(system, join(dir, 'history.jsonl'))
  const noteFault = openFaultLog(join(dir, 'faults.jsonl'))
  noteFault('producer', 'begin', 'aborts its transactions')
  await saveAlerts(system)

  // Before, between and behind the records that count, and on partitions that have none.
  const all = [0, 1, 2, 3]
  await foreign.transact('listings.v1', all, 'abort')
  await foreign.transact('payments.v1', all, 'abort')
  noteFault('producer', 'end', 'aborts its transactions')
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
  // Committed, and no events: the service has put them aside.
  expect(foreignRecords).toHaveLength(3)
  const letters = records.rows.filter(({ deadLetter }) => deadLetter?.topic === 'listings.v1')
  expect(letters).toHaveLength(3)
  const without = partitions.rows.filter(({ topic }) => topic === 'listings.v1')
  // 4 + 3 + 4 that were aborted; a mark for each partition of each transaction: 4 + 2 + 2 + 4.
  expect(without.reduce((sum, row) => sum + (row.noRecords ?? 0), 0)).toBe(11 + 12)
}, 90_000)

test('while a transaction is open, what is behind it is unknown and not lost', async () => {
  await using system = await openTestSystem({ parts, run })
  await using foreign = await openTransactions(system)
  const client = openClient(system, join(dir, 'history.jsonl'))
  openFaultLog(join(dir, 'faults.jsonl'))('producer', 'begin', 'opens a transaction')
  await saveAlerts(system)
  const transaction = await foreign.begin('payments.v1', 0)
  await client.pay('acme')

  const sources = sourcesOf(system, parts, dir)
  const quiescence = await waitForQuiescence(sources, 2_000)
  const whats = quiescence.remaining.map(({ what }) => what)
  expect(whats).toContain(
    'a transaction is open on payments.v1/0 from offset 0: what is behind it can not be read yet',
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
