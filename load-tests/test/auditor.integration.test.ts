import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processNames } from '@nightshift/local/system/topology'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import { collect, type Sources } from '../auditor/collect.ts'
import { loadEvidence, saveEvidence } from '../auditor/keep-evidence.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import { openClient } from '../harness/client.ts'
import { openFaultLog } from '../harness/note-fault.ts'
import { sourcesOf } from '../harness/sources.ts'
import { setProviderFaults } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { driveThroughFaults, saveAlerts, untilLog } from './auditor-run.ts'

const run = processNames.filter(name => name !== 'trace-sink')
const parts = inject('parts')
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auditor-'))
})
afterEach(() => rm(dir, { recursive: true }))

async function collectAtRest(system: TestSystem, deadlineMs: number) {
  const sources = sourcesOf(system, parts, dir)
  const quiescence = await waitForQuiescence(sources, deadlineMs)
  return collect(sources, { quiescence })
}

/** The same questions, asked by the command that a person would use. */
function runMain(sources: Sources) {
  const { databases, kafka, provider, mailLog, listingsUrl, faultLog, historyFiles } = sources
  const flags = {
    history: historyFiles?.[0],
    'truth-log': 'providerLog' in provider ? provider.providerLog : undefined,
    'mail-log': mailLog,
    'listings-url': listingsUrl,
    brokers: kafka.brokers,
    prefix: kafka.prefix,
    faultLog: faultLog,
    'deadline-seconds': '5',
  }
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`)
  args.push('--pays-directly')
  const env = {
    PAYMENTS_DATABASE_URL: databases.payments,
    LISTINGS_DATABASE_URL: databases.listings,
    NOTIFICATIONS_DATABASE_URL: databases.notifications,
  }
  const main = join(import.meta.dirname, '../auditor/main.ts')
  return spawnSync(process.execPath, [main, ...args], { env, encoding: 'utf8' })
}

test('a system that was hurt and recovered is valid, and what hurt it was seen', async () => {
  await using system = await openTestSystem({ parts, run })
  await driveThroughFaults(system, dir)
  const evidence = await collectAtRest(system, 20_000)
  const verdict = audit(evidence, {
    paysDirectly: true,
    sometimes: [
      'provider.reply_withheld >= 4',
      'provider.declined >= 2',
      'crash.payments >= 1',
      'intent.retried >= 5',
      'info.happened >= 5',
      'attempt.replayed >= 1',
      'listing.live >= 15',
      'payment.captured >= 20',
      'payment.authorized >= 1',
      'payment.voided >= 1',
      'refund.succeeded >= 2',
      'ledger.posting.capture >= 20',
      'ledger.posting.refund >= 2',
      'dead_letter >= 5',
      'mail >= 30',
    ],
  })
  expect(verdict).toMatchObject({ violations: [], coverage: { unmet: [], unknown: [] } })
  expect(verdict.valid).toBe(true)

  expect(runMain(sourcesOf(system, parts, dir))).toMatchObject({ status: 0, stderr: '' })
  await saveEvidence(evidence, join(dir, 'kept'))
  expect(await loadEvidence(join(dir, 'kept'))).toEqual(evidence)
  expect(audit(await loadEvidence(join(dir, 'kept')))).toEqual(audit(evidence))
}, 60_000)

test('events that died with their process are missed: S4, and the listings stay dark', async () => {
  const env = { payments: { PATTERN_OUTBOX: 'naive', CRASH_AT: 'outbox.committed:3' } }
  await using system = await openTestSystem({ parts, run, env })
  const client = openClient(system, join(dir, 'history.jsonl'))
  openFaultLog(join(dir, 'faults.jsonl'))('crashpoint', 'begin', 'payments/outbox.committed:3')
  await saveAlerts(system)
  for (let published = 0; published < 3; published += 1) {
    await client.publish('acme', await client.draft('acme'))
  }
  const verdict = audit(await collectAtRest(system, 3_000))
  expect(verdict.valid).toBe(false)
  expect(Object.keys(verdict.counts.violations)).toEqual(expect.arrayContaining(['S4', 'L2']))
  const lost = verdict.violations.find(({ invariant }) => invariant === 'S4')
  expect(lost?.timeline.map(({ source }) => source)).toEqual(
    expect.arrayContaining(['history', 'provider', 'payments']),
  )
}, 60_000)

test('a client that asks again is charged again when nobody looks at its key: S1', async () => {
  const naive = { PATTERN_IDEMPOTENCY_KEY: 'naive' }
  await using system = await openTestSystem({
    parts,
    run,
    env: { payments: naive, listings: naive },
  })
  const client = openClient(system, join(dir, 'history.jsonl'))
  openFaultLog(join(dir, 'faults.jsonl'))('setting', 'begin', 'card-provider/latencyMs')
  await setProviderFaults(system, { latencyMs: 600 })
  const paying = client.pay('acme', undefined, () => 300)
  await untilLog(system, 'intent.succeeded', 2)
  await setProviderFaults(system, { latencyMs: 0 })
  await paying
  const verdict = audit(await collectAtRest(system, 3_000))
  expect(verdict.valid).toBe(false)
  expect(Object.keys(verdict.counts.violations)).toEqual(expect.arrayContaining(['S1']))
}, 60_000)
