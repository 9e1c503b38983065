/** Breaks the system with and without a pattern, and writes down the difference. */
import { execFile } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { experiments } from '@nightshift/load-tests/experiments/all'
import type { Experiment } from '@nightshift/load-tests/experiments/experiment'
import { runExperiment } from '@nightshift/load-tests/experiments/run-experiment'
import { runCommandLine } from '../command.ts'
import { readNumber } from '../read-number.ts'
import { repoRoot } from '../state.ts'
import { openThrowAwayParts } from '../test-parts.ts'

const help = `Usage: npm run experiment -- <name> | --list | --all [--rounds N] [--seed N] [--short] [--json]

Runs both arms of an experiment in turn, naive and with, each on fresh data, lets the auditor judge
them, and writes load-tests/results/<name>.json. Exit code 0 when the pattern held and its absence
showed, 1 when the pattern broke or the fault was a dud, 2 when what had to happen did not.

  --rounds N   rounds of each arm (5)
  --seed N     where the dice start (1)
  --short      fewer intents, and nothing is written: for CI and for a first look
  --json       the result as JSON on standard output`

const options = {
  list: { type: 'boolean' },
  all: { type: 'boolean' },
  rounds: { type: 'string', default: '5' },
  seed: { type: 'string', default: '1' },
  short: { type: 'boolean' },
  json: { type: 'boolean' },
} as const
const roundsMax = 100
const resultsDir = join(repoRoot, 'load-tests/results')
const exitOf = { proved: 0, broken: 1, dud: 1, 'not-exercised': 2 } as const

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, names: readonly string[]): Promise<number> {
  if (values['list']) {
    for (const { name, title } of experiments) console.log(`${name.padEnd(20)} ${title}`)
    return 0
  }
  const chosen = values['all'] ? experiments : names.map(find)
  if (chosen.length === 0) throw new Error(`Name an experiment, or --list or --all.\n\n${help}`)
  const rounds = readNumber('--rounds', values['rounds'], roundsMax)
  const seed = readNumber('--seed', values['seed'], 2 ** 31)
  const short = values['short'] === true
  const { commit, dirty } = await describeCommit()
  await using open = await openThrowAwayParts()
  let exitCode = 0
  for (const experiment of chosen) {
    const say = (line: string) => process.stderr.write(`${experiment.name}: ${line}\n`)
    const settings = { parts: open.parts, rounds, seed, short, commit, dirty, say }
    const result = await runExperiment(experiment, settings)
    say(result.outcome)
    if (values['json']) console.log(JSON.stringify(result, null, 2))
    if (!short) await write(experiment.name, result)
    exitCode = Math.max(exitCode, exitOf[result.outcome])
  }
  return exitCode
}

function find(name: string): Experiment {
  const experiment = experiments.find(one => one.name === name)
  if (experiment) return experiment
  const known = experiments.map(one => one.name).join(', ')
  throw new Error(`There is no experiment ${JSON.stringify(name)}. There are: ${known}.`)
}

async function write(name: string, result: object): Promise<void> {
  await mkdir(resultsDir, { recursive: true })
  await writeFile(join(resultsDir, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** A figure belongs to a commit; one from a changed tree says so. */
async function describeCommit(): Promise<{ commit: string; dirty: boolean }> {
  const git = async (...args: string[]) =>
    (await promisify(execFile)('git', args, { cwd: repoRoot })).stdout.trim()
  const commit = await git('rev-parse', 'HEAD')
  return { commit, dirty: (await git('status', '--porcelain')) !== '' }
}
