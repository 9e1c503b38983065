import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import {
  type ComparedExperiment,
  type Comparison,
  comparedIn,
  comparisonIn,
  type ExperimentResult,
} from '../domain/committed-results.ts'
import { limits } from '../limits.ts'

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
  close: () => Promise<void>
}>

const resultsDir = join(repoRoot, 'load-tests/results')
const command = join(repoRoot, 'tools/cli/commands/experiment.ts')

/**
 * Runs one experiment at a time, as `npm run experiment -- <name> --short --rounds 1` does: on parts of
 * its own, so that the system that is shown does not notice it but for the processor.
 * @param environment what the experiment may see of ours: PATH and HOME
 */
export function openCompareControl(
  environment: Readonly<Record<'PATH' | 'HOME', string>>,
): CompareControl {
  let view: CompareRun = { state: 'idle', lines: [] }
  let child: ChildProcess | undefined
  let running: Promise<void> = Promise.resolve()

  async function experiments(): Promise<readonly ComparedExperiment[]> {
    const files = (await readdir(resultsDir)).filter(
      file => file.endsWith('.json') && !file.endsWith('.schema.json'),
    )
    const results = await Promise.all(
      files.map(async file => JSON.parse(await readFile(join(resultsDir, file), 'utf8'))),
    )
    return (results as ExperimentResult[])
      .flatMap(result => comparedIn(result) ?? [])
      .toSorted((a, b) => a.name.localeCompare(b.name))
  }

  async function measure(name: string): Promise<void> {
    const about = { name, startedAt: Date.now() }
    view = { ...about, state: 'running', lines: [] }
    const args = [command, name, '--rounds', '1', '--short', '--json']
    const experiment = spawn(process.execPath, args, {
      cwd: repoRoot,
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = experiment
    const timer = setTimeout(() => experiment.kill('SIGTERM'), limits.compare.deadlineMs)
    let output = ''
    experiment.stdout.on('data', (chunk: Buffer) => {
      output = `${output}${chunk}`.slice(-limits.compare.outputMax)
    })
    experiment.stderr.on('data', (chunk: Buffer) => {
      const added = String(chunk)
        .split('\n')
        .filter(line => line.trim() !== '')
      view = { ...view, lines: [...view.lines, ...added].slice(-limits.compare.linesMax) }
    })
    const [code] = await once(experiment, 'close').finally(() => clearTimeout(timer))
    child = undefined
    const { lines } = view
    view = { ...about, state: 'over', lines, ...outcomeIn(output, code) }
  }

  return {
    experiments,
    run: () => view,
    async start(name) {
      if (view.state === 'running') return `${view.name} runs already`
      const known = await experiments()
      if (!known.some(each => each.name === name)) return `no experiment is called ${name}`
      running = measure(name).catch(error => {
        view = { ...view, state: 'over', problem: (error as Error).message }
      })
      return undefined
    },
    stop: () => void child?.kill('SIGTERM'),
    async close() {
      child?.kill('SIGTERM')
      await running
    },
  }
}

/** The experiment prints its result also when it proved nothing. Without one it was stopped or failed. */
function outcomeIn(
  output: string,
  code: unknown,
): Pick<CompareRun, 'measured' | 'outcome' | 'problem'> {
  try {
    const [result] = [JSON.parse(output)].flat() as ExperimentResult[]
    const measured = result && comparisonIn(result)
    return { ...(measured && { measured }), outcome: result?.outcome ?? 'unknown' }
  } catch {
    return { problem: `it ended without a result (exit code ${code})` }
  }
}
