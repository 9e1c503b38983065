import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import {
  type ComparedExperiment,
  type Comparison,
  comparedIn,
  comparisonIn,
  type ExperimentResult,
} from '../domain/committed-results.ts'
import type { ToolRunner } from './tool-run.ts'

/** The experiment that runs here, or the one that ran last. */
export type CompareRun = Readonly<{
  state: 'idle' | 'running' | 'over'
  name?: string
  startedAt?: number
  /** What the experiment says about its progress. */
  lines: readonly string[]
  measured?: Comparison
  /** `proved`, or how else it ended. */
  outcome?: string
  problem?: string
}>

export type CompareControl = Readonly<{
  experiments: () => Promise<readonly ComparedExperiment[]>
  run: () => CompareRun
  /** Answers why it does not start; undefined when it has begun. */
  start: (name: string) => Promise<string | undefined>
  stop: () => void
}>

const resultsDir = join(repoRoot, 'load-tests/results')
/** One payment of each arm of an experiment, as a picture: `<name>.svg`. */
export const replaysDir = join(repoRoot, 'docs/replays')

/**
 * Runs one experiment at a time, as `npm run experiment -- <name> --short --rounds 1` does: on parts of
 * its own, so that the system that is shown does not notice it but for the processor.
 */
export function openCompareControl(tool: ToolRunner): CompareControl {
  let chosen: string | undefined
  let outcome: Outcome = {}

  return {
    experiments,
    run() {
      const latest = tool.latest()
      if (latest === undefined || chosen === undefined) return { state: 'idle', lines: [] }
      const { startedAt, lines, endedAt } = latest
      const about = { name: chosen, startedAt, lines }
      return endedAt === undefined
        ? { ...about, state: 'running' }
        : { ...about, state: 'over', ...outcome }
    },
    async start(name) {
      const known = await experiments()
      if (!known.some(each => each.name === name)) return `no experiment is called ${name}`
      if (tool.isRunning()) return `${chosen} runs already`
      tool.start('experiment', [name, '--rounds', '1', '--short', '--json'], (output, exitCode) => {
        outcome = outcomeIn(output, exitCode)
      })
      chosen = name
      return undefined
    },
    stop: tool.stop,
  }
}

async function experiments(): Promise<readonly ComparedExperiment[]> {
  const pictures = (await readdir(replaysDir)).filter(file => file.endsWith('.svg'))
  const replays = new Set(pictures.map(file => basename(file, '.svg')))
  const files = (await readdir(resultsDir)).filter(
    file => file.endsWith('.json') && !file.endsWith('.schema.json'),
  )
  const results = await Promise.all(
    files.map(async file => JSON.parse(await readFile(join(resultsDir, file), 'utf8'))),
  )
  return (results as ExperimentResult[])
    .flatMap(result => comparedIn(result, replays) ?? [])
    .toSorted((a, b) => a.name.localeCompare(b.name))
}

type Outcome = Pick<CompareRun, 'measured' | 'outcome' | 'problem'>

/** The experiment prints its result also when it proved nothing. Without one it was stopped or failed. */
function outcomeIn(output: string, exitCode: number | null): Outcome {
  try {
    const [result] = [JSON.parse(output)].flat() as ExperimentResult[]
    const measured = result && comparisonIn(result)
    return { ...(measured && { measured }), outcome: result?.outcome ?? 'unknown' }
  } catch {
    return { problem: `it ended without a result (exit code ${exitCode ?? 'none'})` }
  }
}
