import { join } from 'node:path'
import type { LiveNumbers } from '@nightshift/load-tests/scenarios/live-numbers'
import { loadSettingsOf } from '@nightshift/load-tests/scenarios/load-settings'
import { runK6, type ScenarioName } from '@nightshift/load-tests/scenarios/run-k6'
import { findK6 } from '@nightshift/local/parts/k6'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import type { Secrets, ServiceName } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { limits } from '../limits.ts'
import type { LoadView } from '../snapshot.ts'

export type LoadRequest = Readonly<{
  scenario: ScenarioName
  /** Employers per second, as a multiple of an ordinary night. */
  times: number
  seconds: number
}>

export type LoadControl = Readonly<{
  view: () => LoadView
  /** Answers why it does not start; undefined when it has begun. */
  start: (request: LoadRequest) => string | undefined
  stop: () => void
  close: () => Promise<void>
}>

export type LoadTarget = Readonly<{
  urls: Readonly<Record<ServiceName, string>>
  apiKeys: Secrets['apiKeys']
  mailboxUrl: string
  /** The history is kept here, where `npm run audit` finds it. */
  dir: string
}>

const nothing: LiveNumbers = {
  offered: 0,
  good: 0,
  refused: 0,
  pending: 0,
  lost: 0,
  p99Ms: undefined,
}

/** Runs one k6 scenario at a time against the system, as `npm run load` does. */
export function openLoadControl(target: LoadTarget): LoadControl {
  let view: LoadView = { state: 'idle' }
  let stopping = new AbortController()
  let running: Promise<void> = Promise.resolve()

  async function run(
    { scenario, times, seconds }: LoadRequest,
    signal: AbortSignal,
  ): Promise<void> {
    const perSecond = limits.load.perSecond * times
    const about = { scenario, perSecond, seconds, startedAt: Date.now() }
    const totals = { offered: 0, good: 0, refused: 0, pending: 0, lost: 0 }
    const say = (line: string) => {
      view = { ...about, state: 'preparing', note: line }
    }
    say('looking for k6')
    const k6 = await findK6({ toolsDir: statePaths().tools, environment: {}, report: say })
    if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
    const show = (numbers: LiveNumbers) => {
      for (const name of ['offered', 'good', 'refused', 'pending', 'lost'] as const) {
        totals[name] += numbers[name]
      }
      view = { ...about, state: 'running', lastSecond: numbers, totals: { ...totals } }
    }
    show(nothing)
    const over = new AbortController()
    const confirming = confirmAllAddresses(target.mailboxUrl, over.signal)
    const { exitCode, output } = await runK6({
      k6,
      scenario,
      signal,
      env: {
        ...loadSettingsOf(target.urls, target.apiKeys),
        SEED: '1',
        RATED_PER_SECOND: String(perSecond),
        STEADY_SHARE: '1',
        SECONDS: String(seconds),
      },
      historyFile: join(target.dir, 'history.jsonl'),
      summaryFile: join(target.dir, 'summary.json'),
      onProgress: show,
    }).finally(() => over.abort())
    await confirming
    const note =
      exitCode === 0 || signal.aborted ? '' : `k6 ended with ${exitCode}: ${output.slice(-500)}`
    view = { ...about, state: 'over', totals, note }
  }

  return {
    view: () => view,
    start(request) {
      if (view.state === 'running' || view.state === 'preparing') return 'a load runs already'
      stopping = new AbortController()
      running = run(request, stopping.signal).catch(error => {
        view = { state: 'over', note: (error as Error).message }
      })
      return undefined
    },
    stop: () => stopping.abort(),
    async close() {
      stopping.abort()
      await running
    },
  }
}
