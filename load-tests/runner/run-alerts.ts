import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Injector } from '@nightshift/faults/injector/injector'
import { findK6 } from '@nightshift/local/parts/k6'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import type { Severity } from '@nightshift/observability/alerts/alert'
import { alertNames, ruleFile } from '@nightshift/observability/alerts/rule-file'
import { provingWindows } from '@nightshift/observability/alerts/windows'
import { dashboardPlans } from '@nightshift/observability/dashboards/plans'
import { saveAlert } from '../harness/test-client.ts'
import { openTestInjector } from '../harness/test-injector.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import { round, spreadOf } from '../reporting/figures.ts'
import { resultHead } from '../reporting/result-head.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import { runK6 } from '../scenarios/run-k6.ts'
import type { Area } from './experiment.ts'
import type { RunOptions } from './run-experiment.ts'

/** The means by which a fault of this proof begins and ends. */
export type AlertContext = Readonly<{
  system: TestSystem
  injector: Injector
  load: Load
  /** Prometheus is told of every service but this one. */
  forget: (service: ServiceName | undefined) => Promise<void>
}>

/** The steady load of k6, which runs through the whole proof. */
type Load = Readonly<{ start: () => void; stop: () => Promise<void> }>

export type AlertFault = Readonly<{
  title: string
  /** They fire while the fault lasts. */
  fires: readonly string[]
  /** They fire when it is over, because only then is it known. */
  firesAfterwards?: readonly string[]
  /** It is part of the short form. */
  isShort?: true
  begin: (context: AlertContext) => Promise<unknown>
  end: (context: AlertContext) => Promise<unknown>
}>

/** Faults, each with the alerts that must fire, and a healthy time without one that does. */
export type AlertProof = Readonly<{
  name: string
  title: string
  area: Area
  hypothesis: string
  healthySeconds: Readonly<{ full: number; short: number }>
  /** The load is the steady share of it, as in `npm run load`. */
  ratedPerSecond: number
  faults: readonly AlertFault[]
}>

type Seen = Readonly<{
  fault: string
  alert: string
  /** Absent: it did not fire, or did not resolve, within `deadlineMs`. */
  secondsToFire?: number
  secondsToResolve?: number
}>

const lookMs = 250
const scrapeInterval = '1s'
const askMs = 5_000
/** The range of a rate that sees everything since the begin. */
const wholeRun = '1h'
/** The longest gauge waits 60 s, and the longest window looks back for 90 s. */
const deadlineMs = 180_000
/** A fault lasts at least this long, so that what it breaks is broken and not only late. */
const faultMinMs = 5_000
/** The cold start of the services is no healthy time yet. */
const warmUpMs = 20_000

/**
 * Lets the system run in health, and then injects one fault after the other, each when no alert fires
 * any more.
 * @returns the content of one file of `load-tests/results`
 */
export async function runAlerts(proof: AlertProof, options: RunOptions) {
  const { seed, short, say, explain } = options
  await using opened = await openWatchedSystem(proof, options)
  const { context, firing } = opened
  await sleep(warmUpMs)
  const healthySeconds = proof.healthySeconds[short ? 'short' : 'full']
  // A ticket is about longer than a short healthy time: one slow second of a busy machine would be one.
  const counted = short ? (['page'] as const) : undefined
  const falseAlarms = await watch(() => firing(counted), healthySeconds * 1_000)
  say(`${healthySeconds} s in health: ${describeNames(falseAlarms)}`)
  if (falseAlarms.size > 0) explain(`fired without a fault: ${describeNames(falseAlarms)}`)

  const faults = proof.faults.filter(({ isShort }) => isShort || !short)
  const seen: Seen[] = []
  const alsoFired: Record<string, string[]> = {}
  for (const [at, fault] of faults.entries()) {
    const result = await runFault(fault, context, firing)
    seen.push(...result.seen)
    alsoFired[fault.title] = result.alsoFired
    say(`fault ${at + 1} of ${faults.length}, ${fault.title}: ${describeSeen(result.seen)}`)
    for (const one of result.seen) {
      if (one.secondsToFire === undefined) explain(`${one.alert} did not fire`)
      if (one.secondsToResolve === undefined) explain(`${one.alert} did not resolve`)
    }
  }
  // Every fault has been there by now, so there is something to see on every panel.
  const emptyPanels = short ? [] : await findEmptyPanels(context.system)
  if (emptyPanels.length > 0) explain(`nothing to see on: ${emptyPanels.join(', ')}`)
  const untried = short ? [] : alertNames.filter(name => !seen.some(({ alert }) => alert === name))
  if (untried.length > 0) explain(`no fault for ${untried.join(', ')}`)

  const { name, title, area, hypothesis } = proof
  const command = `npm run experiment -- ${name} --rounds 1 --seed ${seed}${short ? ' --short' : ''}`
  const figures = figuresOf(seen, falseAlarms, healthySeconds)
  const isProved = figures.notFired + figures.notResolved + figures.falseAlarms === 0
  const isComplete = untried.length + emptyPanels.length === 0
  return {
    ...(await resultHead({ name, kind: 'experiment', title, command, seed }, options)),
    area,
    hypothesis,
    windows: provingWindows,
    shows: { figure: 'proven', of: 'alerts', unit: 'alerts fired and resolved' },
    arms: { with: { switches: {}, ...spreadOf([figures]) } },
    alerts: seen,
    alsoFired,
    outcome: isProved && isComplete ? ('proved' as const) : ('broken' as const),
  }
}

function figuresOf(seen: readonly Seen[], falseAlarms: Set<string>, healthySeconds: number) {
  const fired = seen.flatMap(({ secondsToFire }) => secondsToFire ?? [])
  const resolved = seen.flatMap(({ secondsToResolve }) => secondsToResolve ?? [])
  return {
    alerts: seen.length,
    proven: seen.filter(
      one => one.secondsToFire !== undefined && one.secondsToResolve !== undefined,
    ).length,
    notFired: seen.length - fired.length,
    notResolved: seen.length - resolved.length,
    falseAlarms: falseAlarms.size,
    healthySeconds,
    secondsToFireMax: Math.max(0, ...fired),
    secondsToResolveMax: Math.max(0, ...resolved),
  }
}

/** Queries of the dashboards that answer nothing, by panel and legend. */
async function findEmptyPanels({ prometheusUrl = '' }: TestSystem): Promise<string[]> {
  const panels = dashboardPlans.flatMap(({ rows }) => rows.flatMap(({ panels }) => panels))
  const queries = panels.flatMap(({ title, queries }) =>
    Object.entries(queries).map(([legend, expr]) => ({ name: `${title} (${legend})`, expr })),
  )
  const empty: string[] = []
  for (const { name, expr } of queries) {
    // The recordings of this run have other windows, and Grafana is not here to choose a range.
    const known = expr
      .replace('$__rate_interval', wholeRun)
      .replace(/(?<=ratio_rate)5m/, provingWindows.fast.short)
      .replace(/(?<=ratio_rate)3d/, provingWindows.leak.long)
    const url = `${prometheusUrl}/api/v1/query?query=${encodeURIComponent(known)}`
    const answer = await fetch(url, { signal: AbortSignal.timeout(askMs) })
    const { data } = (await answer.json()) as { data?: { result: readonly unknown[] } }
    if ((data?.result.length ?? 0) === 0) empty.push(name)
  }
  return empty
}

/** One fault, from its begin until no alert fires any more. */
async function runFault(
  fault: AlertFault,
  context: AlertContext,
  firing: () => Promise<Set<string>>,
): Promise<{ seen: Seen[]; alsoFired: string[] }> {
  const { fires, firesAfterwards = [] } = fault
  const firedAt = new Map<string, number>()
  const resolvedAt = new Map<string, number>()
  const look = async () => {
    const now = await firing()
    for (const name of now) {
      if (!firedAt.has(name)) firedAt.set(name, Date.now())
      resolvedAt.delete(name)
    }
    for (const name of firedAt.keys()) {
      if (!now.has(name) && !resolvedAt.has(name)) resolvedAt.set(name, Date.now())
    }
    return now
  }

  // What fires before the fault would be taken for its effect.
  const before = await firing()
  if (before.size > 0) throw new Error(`${[...before].join(', ')} still fires before a fault`)
  const begunAt = Date.now()
  await fault.begin(context)
  await until(look, () => fires.every(name => firedAt.has(name)))
  await sleep(Math.max(0, begunAt + faultMinMs - Date.now()))
  const endedAt = Date.now()
  await fault.end(context)
  await until(look, now => now.size === 0 && firesAfterwards.every(name => firedAt.has(name)))

  const secondsFrom = (since: number, at: number | undefined) =>
    at === undefined ? undefined : round(Math.max(0, at - since) / 1_000)
  const seen = [...fires, ...firesAfterwards].map(alert => {
    const secondsToFire = secondsFrom(fires.includes(alert) ? begunAt : endedAt, firedAt.get(alert))
    const resolved = resolvedAt.get(alert) ?? 0
    // One that ends while its fault lasts has not been resolved by its end.
    const secondsToResolve = resolved < endedAt ? undefined : secondsFrom(endedAt, resolved)
    return {
      fault: fault.title,
      alert,
      ...(secondsToFire !== undefined && { secondsToFire }),
      ...(secondsToResolve !== undefined && { secondsToResolve }),
    }
  })
  const expected = new Set([...fires, ...firesAfterwards])
  return { seen, alsoFired: [...firedAt.keys()].filter(name => !expected.has(name)) }
}

/** Looks until it is enough, or until the time is up. */
async function until(
  look: () => Promise<Set<string>>,
  isEnough: (firing: Set<string>) => boolean,
): Promise<void> {
  const endMs = performance.now() + deadlineMs
  while (performance.now() < endMs && !isEnough(await look())) await sleep(lookMs)
}

/** Every alert that fires at any moment of this time. */
async function watch(firing: () => Promise<Set<string>>, forMs: number): Promise<Set<string>> {
  const all = new Set<string>()
  const endMs = performance.now() + forMs
  while (performance.now() < endMs) {
    for (const name of await firing()) all.add(name)
    await sleep(lookMs)
  }
  return all
}

function describeNames(names: Set<string>): string {
  return names.size === 0 ? 'no alert fired' : [...names].join(', ')
}

function describeSeen(seen: readonly Seen[]): string {
  return seen
    .map(({ alert, secondsToFire = 'never', secondsToResolve = 'never' }) => {
      return `${alert} fired after ${secondsToFire} s, resolved after ${secondsToResolve} s`
    })
    .join('; ')
}

/** A system with links, a steady load, and a Prometheus with the rules of short windows. */
async function openWatchedSystem(
  proof: AlertProof,
  { parts, seed, say }: Pick<RunOptions, 'parts' | 'seed' | 'say'>,
) {
  await using undo = new AsyncDisposableStack()
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-alerts-'))
  undo.defer(() => rm(dir, { recursive: true, force: true }))
  const rulesFile = join(dir, 'alerts.yml')
  await writeFile(rulesFile, ruleFile(provingWindows))
  const system = undo.use(
    await openTestSystem({
      parts,
      run: ['card-provider', 'mailbox', ...serviceNames],
      links: true,
      rules: { file: rulesFile, scrapeInterval },
    }),
  )
  const { prometheusUrl = '' } = system
  await saveAlert(system)
  const over = new AbortController()
  const confirming = confirmAllAddresses(system.urls.mailbox, over.signal)
  undo.defer(async () => {
    over.abort()
    await confirming
  })
  const load = await openLoad(proof, system, { dir, seed, say })
  undo.defer(load.stop)
  load.start()
  const injector = openTestInjector(system, parts)
  const context = { system, injector, load, forget: system.forgetAtPrometheus }
  const disposal = undo.move()
  return {
    context,
    firing: (counted?: readonly Severity[]) => firingAlerts(prometheusUrl, counted),
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

/** Longer than the proof takes. */
const loadSeconds = 3_600

async function openLoad(
  { ratedPerSecond }: AlertProof,
  { urls, apiKeys }: TestSystem,
  { dir, seed, say }: { dir: string; seed: number; say: RunOptions['say'] },
): Promise<Load> {
  const k6 = await findK6({ toolsDir: statePaths().tools, report: say })
  if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
  let running: { stop: AbortController; done: Promise<unknown> } | undefined
  let runs = 0
  return {
    start() {
      runs += 1
      const stop = new AbortController()
      const done = runK6({
        k6,
        scenario: 'baseline',
        env: {
          ...loadSettingsOf(urls, apiKeys),
          RUN: `alerts-${runs}`,
          SEED: String(seed + runs),
          RATED_PER_SECOND: String(ratedPerSecond),
          SECONDS: String(loadSeconds),
        },
        historyFile: join(dir, 'history.jsonl'),
        summaryFile: join(dir, 'summary.json'),
        signal: stop.signal,
      })
      running = { stop, done }
    },
    async stop() {
      running?.stop.abort()
      await running?.done
      running = undefined
    },
  }
}

type AlertsAnswer = Readonly<{
  data: Readonly<{
    alerts: readonly Readonly<{
      state: string
      labels: Readonly<{ alertname: string; severity: Severity }>
    }>[]
  }>
}>

/** The names of the alerts that fire now. @throws when Prometheus does not answer in time */
async function firingAlerts(
  prometheusUrl: string,
  counted: readonly Severity[] = ['page', 'ticket'],
): Promise<Set<string>> {
  const answer = await fetch(`${prometheusUrl}/api/v1/alerts`, {
    signal: AbortSignal.timeout(askMs),
  })
  const { data } = (await answer.json()) as AlertsAnswer
  const firing = data.alerts.filter(
    ({ state, labels }) => state === 'firing' && counted.includes(labels.severity),
  )
  return new Set(firing.map(({ labels }) => labels.alertname))
}
