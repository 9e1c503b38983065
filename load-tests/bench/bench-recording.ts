import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findK6 } from '@nightshift/local/parts/k6'
import type { Found } from '@nightshift/local/parts/part'
import { readIfThere } from '@nightshift/local/read-if-there'
import { repoRoot, statePaths } from '@nightshift/local/system/state'
import { openThrowAwayParts } from '../harness/test-parts.ts'
import { openTestSystem, type TestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/figures.ts'
import { k6Command } from '../scenarios/k6-command.ts'
import { loadSettingsOf } from '../scenarios/load-settings.ts'
import type { Summary } from '../scenarios/summary.ts'
import type { Bench } from './bench.ts'

/** Employers per second: enough to measure above the cost of k6 itself. */
const ratePerSecond = 30
const script = join(repoRoot, 'load-tests/scenarios/baseline.ts')
/** Time for an arm besides its seconds: k6 starts, and ends its last iterations. */
const armExtraMs = 60_000
/** A first load warms caches and prepared statements, and is not counted. */
const warmUpSeconds = 5

/** Runs the same load with and without a history of every attempt. */
export const benchRecording: Bench = {
  name: 'recording',
  result: 'recording-cost',
  title: 'What it costs the load generator to write every attempt down',
  async measure({ rounds, seconds, say }) {
    const k6 = await findK6({ toolsDir: statePaths().tools, report: say })
    if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
    await using open = await openThrowAwayParts()
    const run = ['card-provider', 'mailbox', 'payments', 'listings', 'notifications'] as const
    await using system = await openTestSystem({ parts: open.parts, run })
    await runArm(k6, system, '1', warmUpSeconds)
    const recorded: Figures[] = []
    const unrecorded: Figures[] = []
    for (let round = 1; round <= rounds; round += 1) {
      for (const [arm, record] of [
        [unrecorded, '0'],
        [recorded, '1'],
      ] as const) {
        const figures = await runArm(k6, system, record, seconds)
        arm.push(figures)
        const how = record === '1' ? 'recorded' : 'unrecorded'
        const cpu = `${figures['cpuMicrosPerAttempt']} us of CPU per attempt`
        say(`round ${round} of ${rounds}, ${how}: ${cpu}, p50 ${figures['p50Ms']} ms`)
      }
    }
    return { arms: { unrecorded, recorded } }
  },
}

/** One run of k6, with the CPU time of its whole process. */
async function runArm(
  k6: Found,
  system: TestSystem,
  record: '0' | '1',
  seconds: number,
): Promise<Figures> {
  const dir = await mkdtemp(join(tmpdir(), 'nightshift-recording-'))
  try {
    const summaryFile = join(dir, 'summary.json')
    const { payments, listings, notifications } = system.urls
    const settings = {
      ...loadSettingsOf({ payments, listings, notifications }, system.apiKeys),
      RATED_PER_SECOND: String(ratePerSecond),
      STEADY_SHARE: '1',
      BROWSE_SHARE: '0',
      SECONDS: String(seconds),
      RECORD: record,
    }
    const { command, args, env } = k6Command(k6, {
      script,
      summaryFile,
      htmlFile: undefined,
      env: settings,
      historyFile: join(dir, 'history.jsonl'),
    })
    // `times` of a POSIX shell prints the CPU time of its children, and needs no extra program.
    const { stdout } = await promisify(execFile)(
      'sh',
      ['-c', '"$0" "$@" >&2; times', command, ...args],
      { env, timeout: seconds * 1_000 + armExtraMs },
    )
    const summary = JSON.parse((await readIfThere(summaryFile)) ?? '{}') as Partial<Summary>
    const { attempts = 0, dropped = 0, fromIntendedStartMs } = summary
    if (attempts === 0 || dropped > 0) throw new Error('k6 did not send all requests')
    return {
      attempts,
      cpuMicrosPerAttempt: Math.round((childSecondsIn(stdout) * 1_000_000) / attempts),
      p50Ms: fromIntendedStartMs?.p50 ?? 0,
    }
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

/** The second line of `times` has the user and system time of the children: `0m1.23s 0m0.45s`. */
function childSecondsIn(output: string): number {
  const lines = output.trim().split('\n')
  const times = [...(lines.at(-1) ?? '').matchAll(/(\d+)m([\d.]+)s/g)]
  return times.reduce(
    (sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds),
    0,
  )
}
