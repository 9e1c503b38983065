import { spawnSync } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { processNames } from '@nightshift/local/system/topology'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { audit } from '../auditor/audit.ts'
import type { Sources } from '../auditor/collect.ts'
import { loadEvidence, saveEvidence } from '../auditor/keep-evidence.ts'
import { openFaultLog } from '../harness/fault-log.ts'
import { openRecordingClient } from '../harness/recording-client.ts'
import { collectAtRest, sourcesOf } from '../harness/sources.ts'
import { setProviderFaults } from '../harness/test-client.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { driveThroughFaults, saveAlerts, untilLogged } from './auditor-run.ts'

const run = processNames.filter(name => name !== 'trace-sink')
const parts = inject('parts')
/** Half a minute on an idle machine. */
const testMs = 120_000
let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'auditor-'))
})
afterEach(() => rm(dir, { recursive: true }))

const collectFrom = (system: TestSystem, deadlineMs: number) =>
  collectAtRest(sourcesOf(system, parts, dir), deadlineMs)

/** Runs the auditor as a command, with flags for the same sources. */
function runMain(sources: Sources) {
  const { databases, kafka, provider, mailLog, listingsUrl, faultLog, historyFiles } = sources
  const flags = {
    history: historyFiles?.[0],
    'provider-log': 'providerLog' in provider ? provider.providerLog : undefined,
    'mail-log': mailLog,
    'listings-url': listingsUrl,
    brokers: kafka.brokers,
    prefix: kafka.prefix,
    'fault-log': faultLog,
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

test(
  'a system that recovered from faults is valid, and the faults were seen',
  async () => {
    await using system = await openTestSystem({ parts, run })
    await driveThroughFaults(system, dir)
    const evidence = await collectFrom(system, 20_000)
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
    expect(verdict).toMatchObject({ violations: [], coverage: { unmet: [], inconclusive: [] } })
    expect(verdict.valid).toBe(true)

    expect(runMain(sourcesOf(system, parts, dir))).toMatchObject({ status: 0, stderr: '' })
    await saveEvidence(evidence, join(dir, 'kept'))
    expect(await loadEvidence(join(dir, 'kept'))).toEqual(evidence)
    expect(audit(await loadEvidence(join(dir, 'kept')))).toEqual(audit(evidence))
  },
  testMs,
)

test(
  'events that were lost with their process break S4 (no lost event) and L2 (paid is visible)',
  async () => {
    const env = { payments: { PATTERN_OUTBOX: 'naive', CRASH_AT: 'outbox.committed:3' } }
    await using system = await openTestSystem({ parts, run, env })
    const client = openRecordingClient(system, join(dir, 'history.jsonl'))
    openFaultLog(join(dir, 'faults.jsonl'))('crashpoint', 'begin', 'payments/outbox.committed:3')
    await saveAlerts(system)
    for (let published = 0; published < 3; published += 1) {
      await client.publish('acme', await client.draft('acme'))
    }
    const verdict = audit(await collectFrom(system, 3_000))
    expect(verdict.valid).toBe(false)
    expect(Object.keys(verdict.counts.violations)).toEqual(expect.arrayContaining(['S4', 'L2']))
    const lost = verdict.violations.find(({ promise }) => promise === 'S4')
    expect(lost?.timeline.map(({ source }) => source)).toEqual(
      expect.arrayContaining(['history', 'provider', 'payments']),
    )
  },
  testMs,
)

test(
  'without idempotency keys a client that retries is charged twice, which breaks S1 (one charge)',
  async () => {
    const naive = { PATTERN_IDEMPOTENCY_KEY: 'naive' }
    await using system = await openTestSystem({
      parts,
      run,
      env: { payments: naive, listings: naive },
    })
    const client = openRecordingClient(system, join(dir, 'history.jsonl'))
    openFaultLog(join(dir, 'faults.jsonl'))('setting', 'begin', 'card-provider/latencyMs')
    await setProviderFaults(system, { latencyMs: 600 })
    const paying = client.pay('acme', undefined, () => 300)
    await untilLogged(system, 'intent.succeeded', 2)
    await setProviderFaults(system, { latencyMs: 0 })
    await paying
    const verdict = audit(await collectFrom(system, 3_000))
    expect(verdict.valid).toBe(false)
    expect(Object.keys(verdict.counts.violations)).toEqual(expect.arrayContaining(['S1']))
  },
  testMs,
)
