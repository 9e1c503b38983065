import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Injector } from '@nightshift/faults/injector/injector'
import type { Found } from '@nightshift/local/parts/part'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { audit } from '../auditor/audit.ts'
import { rowsOf } from '../auditor/evidence.ts'
import { saveEvidence } from '../auditor/keep-evidence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { collectAtRest, sourcesOf } from '../harness/sources.ts'
import { saveAlert, setProviderFaults } from '../harness/test-client.ts'
import { openTestInjector } from '../harness/test-injector.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { round } from '../reporting/figures.ts'
import type { LiveNumbers } from '../scenarios/live-numbers.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import { type Phase, threeInTheMorning } from '../scenarios/profile.ts'
import { type K6Result, runK6 } from '../scenarios/run-k6.ts'
import { readSettings } from '../scenarios/settings.ts'
import type { Summary } from '../scenarios/summary.ts'
import {
  logOverload,
  runSchedule,
  type ScheduleObserver,
  scheduleFaults,
} from './fault-schedule.ts'
import { readSeenIntents } from './seen-intents.ts'
import { bandsOf, secondsIn, spanOf, stormFigures } from './storm-figures.ts'
import { stormPage } from './storm-page.ts'
import { watchMemory } from './watch-memory.ts'
import { chargesForTheGone } from './work-for-the-gone.ts'

export type StormOptions = Readonly<{
  parts: TestParts
  k6: Found
  /** History, report, evidence and verdict are stored here. */
  dir: string
  seed: number
  short: boolean
  /** Payments per second that the provider's quota allows. */
  ratedPerSecond: number
  /** Pattern switches of the services, as `switchesIn` reads them. */
  switches: Readonly<Record<string, string>>
  signal: AbortSignal
  /** Called with each step of the storm. */
  say: (line: string) => void
  /** Called about once a second during the load. */
  onProgress: (numbers: LiveNumbers, faultsNow: readonly string[]) => void
}>

export type Storm = Readonly<{
  verdict: Verdict
  summary: Summary | undefined
  /** What the storm promises, measured from its history; see `storm-figures.ts`. */
  figures: Readonly<Record<string, number>>
  /** The exit code of k6. Any other than 0 means that the load was not as planned. */
  k6ExitCode: number
  k6Output: string
}>

/** The promises L1 to L4 (everything pending is finished) allow 90 s. */
const quiesceMs = 90_000
const services = ['payments', 'listings', 'notifications'] as const

/** Events without which a storm proves nothing. */
export const stormSometimes: readonly string[] = [
  'fault.setting >= 2',
  'fault.part >= 1',
  'fault.load >= 1',
  'stop.card-provider >= 1',
  'stop.postgres >= 1',
  'stop.kafka >= 1',
  'crash.kafka >= 1',
  'crash.payments >= 1',
  'provider.requests_refused >= 1',
  'provider.reply_withheld >= 1',
  'attempt.refused >= 1',
  'intent.retried >= 1',
  'attempt.replayed >= 1',
  'info.happened >= 1',
  'payment.captured >= 100',
  'payment.declined >= 1',
  'listing.live >= 50',
  'mail >= 1',
]

/**
 * Runs a storm on a private system: steady load, the same while parts are away, ten times that during
 * other faults, steady load again. Then
 * the system comes to rest, and the auditor judges it. In between, no command repairs anything.
 */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const { parts, dir, switches, say } = options
  await using system = await openTestSystem({
    parts,
    env: Object.fromEntries(services.map(name => [name, switches])),
    // No fault of a storm is one of a link, and a proxy before each takes processor time from the services.
    links: 'log-only',
    run: ['card-provider', 'mailbox', ...services],
  })
  const injector = openTestInjector(system, parts)
  await setProviderFaults(system, { quotaPerSecond: options.ratedPerSecond })
  await saveAlert(system)
  const over = new AbortController()
  const confirming = confirmAllAddresses(system.urls.mailbox, over.signal)
  await using memory = watchMemory(system, services)
  const load = await runLoadAndFaults(options, system, injector).finally(() => over.abort())
  await confirming
  options.signal.throwIfAborted()
  say('waiting until nothing is under way (at most 90 s), and reading the sources')
  const evidence = await collectAtRest(sourcesOf(system, parts, dir), quiesceMs)
  await saveEvidence(evidence, join(dir, 'evidence'))
  for (const name of services) await writeFile(join(dir, `${name}.log`), await system.logs(name))
  await writeFile(join(dir, 'memory.json'), JSON.stringify(memory.samples))
  const verdict = audit(evidence, { sometimes: stormSometimes })
  const intents = await readSeenIntents(historyIn(dir))
  const phases = phasesOf(options, system)
  const faultLog = rowsOf(evidence.faultLog)
  const startedAt = intents[0]?.intendedAt ?? 0
  const gone = chargesForTheGone(intents, evidence, spanOf('tenfold', phases, startedAt))
  const figures = {
    ...stormFigures(intents, phases, faultLog, memory.samples),
    chargedForTheGone: round(gone.forTheGone / gone.charges),
    errors: load.summary?.errors ?? Number.NaN,
    deadLetters: rowsOf(evidence.records).filter(record => record.deadLetter).length,
    leftUnfinished: rowsOf(evidence.quiescence).flatMap(({ remaining }) => remaining).length,
  }
  const seconds = secondsIn(intents, startedAt)
  const title = `Three in the morning, at ${options.ratedPerSecond} payments per second`
  const bands = bandsOf(phases, faultLog, startedAt)
  await writeFile(join(dir, 'storm.html'), stormPage({ title, seconds, figures, ...bands }))
  return {
    verdict,
    summary: load.summary,
    figures,
    k6ExitCode: load.exitCode,
    k6Output: load.output,
  }
}

function historyIn(dir: string): string {
  return join(dir, 'history.jsonl')
}

function loadEnvironment(
  { seed, ratedPerSecond, short }: StormOptions,
  { urls, apiKeys }: TestSystem,
): Readonly<Record<string, string>> {
  return {
    ...loadSettingsOf(urls, apiKeys),
    SEED: String(seed),
    RATED_PER_SECOND: String(ratedPerSecond),
    SHORT: short ? '1' : '0',
  }
}

function phasesOf(options: StormOptions, system: TestSystem): Phase[] {
  return threeInTheMorning(readSettings(loadEnvironment(options, system)))
}

async function runLoadAndFaults(
  options: StormOptions,
  system: TestSystem,
  injector: Injector,
): Promise<K6Result> {
  const { k6, dir, say, onProgress } = options
  const { faults: faultLog } = system
  if (!faultLog) throw new Error('only a system with links has a fault log')
  const env = loadEnvironment(options, system)
  const phases = phasesOf(options, system)
  const faults = scheduleFaults(phases, options.ratedPerSecond)
  const faultsNow = new Set<string>()
  const observer: ScheduleObserver = {
    onBegin: ({ title }) => {
      faultsNow.add(title)
      say(title)
    },
    onEnd: ({ title }) => {
      faultsNow.delete(title)
      say(`ended: ${title}`)
    },
  }
  const failed = new AbortController()
  const signal = AbortSignal.any([options.signal, failed.signal])
  const firstArrival = Promise.withResolvers<void>()
  const over = new AbortController()
  const loading = runK6({
    k6,
    scenario: 'three-in-the-morning',
    env,
    signal,
    historyFile: historyIn(dir),
    summaryFile: join(dir, 'summary.json'),
    htmlFile: join(dir, 'report.html'),
    onProgress: numbers => {
      firstArrival.resolve()
      onProgress(numbers, [...faultsNow])
    },
  }).finally(() => {
    over.abort()
    firstArrival.resolve()
  })
  const injecting = firstArrival.promise
    .then(() => {
      const whileLoading = AbortSignal.any([signal, over.signal])
      return Promise.all([
        runSchedule(faults, injector, observer, whileLoading),
        logOverload(phases, faultLog, whileLoading),
      ])
    })
    .catch(error => {
      failed.abort()
      throw error
    })
  const [load, injected] = await Promise.allSettled([loading, injecting])
  for (const line of await injector.healAll()) say(line)
  if (load.status === 'rejected') throw load.reason
  // k6 that ended early aborts the schedule. Then k6's own error is the one to report.
  if (injected.status === 'rejected' && load.value.exitCode === 0) throw injected.reason
  return load.value
}
