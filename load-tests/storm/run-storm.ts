import { join } from 'node:path'
import type { Injector } from '@nightshift/faults/injector/injector'
import type { Found } from '@nightshift/local/parts/part'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { audit } from '../auditor/audit.ts'
import { collect } from '../auditor/collect.ts'
import { saveEvidence } from '../auditor/keep-evidence.ts'
import { waitForQuiescence } from '../auditor/quiescence.ts'
import type { Verdict } from '../auditor/verdict.ts'
import { saveAlert } from '../harness/save-alert.ts'
import { sourcesOf } from '../harness/sources.ts'
import { setProviderFaults } from '../harness/test-client.ts'
import { openTestInjector } from '../harness/test-injector.ts'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import type { LiveNumbers } from '../scenarios/live-numbers.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import { type Phase, threeInTheMorning } from '../scenarios/profile.ts'
import { runK6 } from '../scenarios/run-k6.ts'
import { readSettings } from '../scenarios/settings.ts'
import type { Summary } from '../scenarios/summary.ts'
import { mishapsOf, playMishaps } from './fault-schedule.ts'

export type StormOptions = Readonly<{
  parts: TestParts
  k6: Found
  /** History, report, evidence and verdict are kept here. */
  dir: string
  seed: number
  short: boolean
  /** Payments in a second that the provider's quota allows. */
  ratedPerSecond: number
  /** Switches of the services, as `switchesIn` reads them. */
  switches: Readonly<Record<string, string>>
  signal: AbortSignal
  /** A step of the whole. */
  say: (line: string) => void
  /** About once a second while people come. */
  onProgress: (numbers: LiveNumbers, faultsNow: readonly string[]) => void
}>

export type Storm = Readonly<{
  verdict: Verdict
  summary: Summary | undefined
  /** k6's exit code. Anything but 0 says that the load was not what it was meant to be. */
  k6ExitCode: number
  k6Said: string
}>

/** As long as the promises L1 to L4 allow. */
const quiesceMs = 90_000
const services = ['payments', 'listings', 'notifications'] as const

/** What must have happened, or a night like this proves nothing. */
export const stormSometimes: readonly string[] = [
  'fault.setting >= 2',
  'fault.part >= 1',
  'crash.kafka >= 1',
  'crash.payments >= 1',
  'provider.requests_refused >= 1',
  'provider.reply_withheld >= 1',
  'attempt.refused >= 1',
  'attempt.lost >= 1',
  'intent.retried >= 1',
  'attempt.replayed >= 1',
  'info.happened >= 1',
  'payment.captured >= 100',
  'payment.declined >= 1',
  'listing.live >= 50',
  'mail >= 1',
]

/**
 * A night on a system of its own: steady load, ten times that while things go wrong, and back; then
 * rest, evidence, and the judgement. Nobody touches the system in between.
 */
export async function runStorm(options: StormOptions): Promise<Storm> {
  const { parts, dir, switches, say } = options
  const env = Object.fromEntries(services.map(name => [name, switches]))
  await using system = await openTestSystem({
    ...{ parts, env, links: true as const },
    run: ['card-provider', 'mailbox', ...services],
  })
  const injector = openTestInjector(system, parts)
  await setProviderFaults(system, { quotaPerSecond: options.ratedPerSecond })
  await saveAlert(system)
  const over = new AbortController()
  const confirming = confirmAllAddresses(system.urls.mailbox, over.signal)
  const { summary, exitCode, said } = await letItStorm(options, system, injector).finally(() =>
    over.abort(),
  )
  await confirming
  options.signal.throwIfAborted()
  say('waiting until nothing is under way (at most 90 s)')
  const sources = sourcesOf(system, parts, dir)
  const quiescence = await waitForQuiescence(sources, quiesceMs)
  say('asking the witnesses')
  const evidence = await collect(sources, { quiescence })
  await saveEvidence(evidence, join(dir, 'evidence'))
  const verdict = audit(evidence, { sometimes: stormSometimes })
  return { verdict, summary, k6ExitCode: exitCode, k6Said: said }
}

async function letItStorm(options: StormOptions, system: TestSystem, injector: Injector) {
  const { k6, dir, seed, short, ratedPerSecond, say, onProgress } = options
  const { payments, listings, notifications } = system.urls
  const env = {
    ...loadSettingsOf({ payments, listings, notifications }, system.apiKeys),
    SEED: String(seed),
    RATED_PER_SECOND: String(ratedPerSecond),
    SHORT: short ? '1' : '0',
  }
  const phases: Phase[] = threeInTheMorning(readSettings(env))
  const faultsNow = new Set<string>()
  const tell = {
    begins: ({ title }: { title: string }) => {
      faultsNow.add(title)
      say(title)
    },
    ends: ({ title }: { title: string }) => {
      faultsNow.delete(title)
      say(`over: ${title}`)
    },
  }
  const broken = new AbortController()
  const signal = AbortSignal.any([options.signal, broken.signal])
  const firstPerson = Promise.withResolvers<void>()
  const over = new AbortController()
  const running = runK6({
    ...{ k6, scenario: 'three-in-the-morning', env, signal },
    historyFile: historyFileIn(dir),
    summaryFile: join(dir, 'summary.json'),
    htmlFile: join(dir, 'report.html'),
    onProgress: numbers => {
      firstPerson.resolve()
      onProgress(numbers, [...faultsNow])
    },
  }).finally(() => {
    over.abort()
    firstPerson.resolve()
  })
  const mishaps = firstPerson.promise
    .then(() =>
      playMishaps(mishapsOf(phases), injector, tell, AbortSignal.any([signal, over.signal])),
    )
    .catch(error => {
      broken.abort()
      throw error
    })
  const [load, played] = await Promise.allSettled([running, mishaps])
  for (const line of await injector.healAll()) say(line)
  if (load.status === 'rejected') throw load.reason
  // k6 that ended early aborts the script; why it ended is then the thing to tell.
  if (played.status === 'rejected' && load.value.exitCode === 0) throw played.reason
  return load.value
}

function historyFileIn(dir: string): string {
  return join(dir, 'history.jsonl')
}
