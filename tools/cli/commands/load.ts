/** Sends load to the running system: how many requests are served, and how fast. */
import { join } from 'node:path'
import { assertMayWrite, keepResult } from '@nightshift/load-tests/reporting/keep-result'
import { describeCommit } from '@nightshift/load-tests/reporting/result-head'
import { findRunningSources } from '@nightshift/load-tests/reporting/running-sources'
import { loadSettingsOf } from '@nightshift/load-tests/scenarios/load-settings'
import { soakSeconds } from '@nightshift/load-tests/scenarios/profile'
import { runK6, type ScenarioName, scenarioNames } from '@nightshift/load-tests/scenarios/run-k6'
import type { Summary } from '@nightshift/load-tests/scenarios/summary'
import { fillTables } from '@nightshift/load-tests/soak/fill-tables'
import { sampleAround, soakFigures } from '@nightshift/load-tests/soak/measure-soak'
import { resultOfSoak, soakResult } from '@nightshift/load-tests/soak/soak-result'
import { findK6 } from '@nightshift/local/parts/k6'
import { readNumber } from '@nightshift/local/read-number'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { runningSupervisor, runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { Argument } from 'commander'
import { describeGrowth, describeParts } from '../terminal/print-growth.ts'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Runs a k6 scenario against the running system: employers who publish and pay, and
candidates who search. After a soak it says how much each table, each process and each directory has
grown. Exit code 0, or k6's: 99 when the generator could not keep up, 107 when the script
failed. Every request and answer is kept in .nightshift/run/load, for the auditor.`

const exitStopped = 130
const secondsMax = 24 * 3_600
const readSeconds = (text: string) => readNumber('--seconds', text, secondsMax)

export const command = npmCommand('load', description)
  .addArgument(new Argument('<scenario>', 'the scenario').choices(scenarioNames))
  .option(
    '--rate <n>',
    'employers per second on an ordinary night (35, which is 0.7 of 50; at most 100)',
  )
  .option('--seconds <n>', 'the whole run (as the scenario says)', parsedBy(readSeconds))
  .option('--seed <n>', 'another crowd', '1')
  .option('--filled', 'before a soak: a million expired idempotency keys and 100,000 saved alerts')
  .option('--write', 'keep the figures of a soak in load-tests/results')
  .option('--json', 'the summary as JSON, and nothing else')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = Readonly<{
  rate?: string
  seconds?: number
  seed: string
  filled?: boolean
  write?: boolean
  json?: boolean
}>

async function run(scenario: ScenarioName, options: Options): Promise<number> {
  if (scenario === 'soak') return soak(options)
  if (options.filled || options.write) throw new Error('--filled and --write belong to a soak.')
  const { summary, exitCode } = await sendLoad(scenario, options)
  console.log(options.json ? JSON.stringify(summary, null, 2) : describeSummary(summary))
  return exitCode
}

/** A soak, with what grew during it. */
async function soak(options: Options): Promise<number> {
  const { seconds = soakSeconds, seed, filled = false, write = false, json = false } = options
  if (write) await assertMayWrite(soakResult, { rounds: 1, seconds, short: false })
  const commit = await describeCommit()
  const state = statePaths()
  const supervisor = await runningSupervisor()
  const { postgresUrl } = await findRunningSources(process.env)
  if (filled) await fillTables(postgresUrl, say)
  const { samples, result } = await sampleAround({ postgresUrl, state, supervisor }, seconds, () =>
    sendLoad('soak', options),
  )
  const { summary, exitCode } = result
  const { figures, tables } = soakFigures(samples, summary)
  const flags = [
    `--seconds ${seconds}`,
    ...(options.rate === undefined ? [] : [`--rate ${options.rate}`]),
    ...(filled ? ['--filled'] : []),
  ]
  const command = `npm run load -- soak ${flags.join(' ')}`
  const kept = await resultOfSoak({ figures, tables }, { command, seed: Number(seed), commit })
  if (json) console.log(JSON.stringify(kept, null, 2))
  else {
    console.log(
      [describeSummary(summary), describeGrowth(tables), describeParts(samples)].join('\n\n'),
    )
  }
  if (write && exitCode !== 0) say(`Nothing was written, because k6 ended with ${exitCode}.`)
  else say(await keepResult(kept, { write }))
  return exitCode
}

/** Sends a load to the running system. @throws when k6 is missing, or ended without a summary */
async function sendLoad(
  scenario: ScenarioName,
  options: Options,
): Promise<{ summary: Summary; exitCode: number }> {
  const urlOf = await runningUrls()
  const { apiKeys } = await loadSecrets(statePaths().secrets)
  const k6 = await findK6({ toolsDir: statePaths().tools, environment: process.env, report: say })
  if (k6.how === 'missing') throw new Error(`${k6.needed} is missing: ${k6.fix}`)
  const urls = {
    payments: urlOf('payments'),
    listings: urlOf('listings'),
    notifications: urlOf('notifications'),
  }
  const directory = join(statePaths().run, 'load')
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  process.once('SIGTERM', () => stop.abort())
  const over = new AbortController()
  const confirming = confirmAllAddresses(urlOf('mailbox'), over.signal)
  const { exitCode, summary, output } = await runK6({
    k6,
    scenario,
    signal: stop.signal,
    env: { ...loadSettingsOf(urls, apiKeys), ...settingsIn(options) },
    historyFile: join(directory, 'history.jsonl'),
    summaryFile: join(directory, 'summary.json'),
    htmlFile: join(directory, 'report.html'),
    ...(options.json ? {} : { onProgress: numbers => say(describeProgress(numbers)) }),
  }).finally(() => over.abort())
  await confirming
  if (summary === undefined) throw new Error(`k6 ended with ${exitCode} and no summary: ${output}`)
  if (stop.signal.aborted) return { summary, exitCode: exitStopped }
  if (exitCode !== 0) say(output)
  return { summary, exitCode }
}

/** The scenario itself checks what the other numbers may be. */
function settingsIn({ rate, seconds, seed }: Options): Record<string, string> {
  return {
    SEED: seed,
    ...(rate === undefined ? {} : { RATED_PER_SECOND: rate, STEADY_SHARE: '1' }),
    ...(seconds === undefined ? {} : { SECONDS: String(seconds) }),
  }
}

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}
