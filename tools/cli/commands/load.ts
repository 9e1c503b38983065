/** Sends people to the running system: how many are served, and how fast. */
import { join } from 'node:path'
import { loadSettingsOf } from '@nightshift/load-tests/scenarios/load-settings'
import { runK6, type ScenarioName, scenarioNames } from '@nightshift/load-tests/scenarios/run-k6'
import { findK6 } from '@nightshift/local/parts/k6'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { runCommandLine } from '../terminal/command-line.ts'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'

const help = `Usage: npm run load -- <scenario> [--rate N] [--seconds N] [--seed N] [--json]

Runs a k6 scenario against the running system: employers who publish and pay, and candidates who
search. Exit code 0, or k6's: 99 when the generator could not keep up, 107 when the script failed.
What was asked and answered is kept in .nightshift/run/load, for the auditor.

  <scenario>           ${scenarioNames.join(', ')}
  --rate N             employers per second on an ordinary night (35, which is 0.7 of 50; at most 100)
  --seconds N          the whole run (as the scenario says)
  --seed N             another crowd (1)
  --json               the summary as JSON, and nothing else`

const options = {
  rate: { type: 'string' },
  seconds: { type: 'string' },
  seed: { type: 'string', default: '1' },
  json: { type: 'boolean' },
} as const

type Values = Readonly<Record<string, string | boolean | undefined>>

const exitStopped = 130

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run(values: Values, positionals: readonly string[]): Promise<number> {
  const scenario = readScenario(positionals)
  const urlOf = await runningUrls()
  const { apiKeys } = await loadSecrets(statePaths().secrets)
  const say = (line: string) => process.stderr.write(`${line}\n`)
  const k6 = await findK6({ toolsDir: statePaths().tools, environment: process.env, say })
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
    ...{ k6, scenario, signal: stop.signal },
    env: { ...loadSettingsOf(urls, apiKeys), ...settingsIn(values) },
    historyFile: join(directory, 'history.jsonl'),
    summaryFile: join(directory, 'summary.json'),
    htmlFile: join(directory, 'report.html'),
    ...(values['json'] ? {} : { onProgress: numbers => say(describeProgress(numbers)) }),
  }).finally(() => over.abort())
  await confirming
  if (summary === undefined) throw new Error(`k6 ended with ${exitCode} and no summary: ${output}`)
  console.log(values['json'] ? JSON.stringify(summary, null, 2) : describeSummary(summary))
  if (stop.signal.aborted) return exitStopped
  if (exitCode !== 0) say(output)
  return exitCode
}

function readScenario([name, ...more]: readonly string[]): ScenarioName {
  const scenario = scenarioNames.find(known => known === name)
  if (scenario !== undefined && more.length === 0) return scenario
  throw new Error(`One scenario is needed: ${scenarioNames.join(', ')}.`)
}

/** The scenario itself checks what the numbers may be. */
function settingsIn({ rate, seconds, seed }: Values): Record<string, string> {
  return {
    SEED: String(seed),
    ...(rate === undefined ? {} : { RATED_PER_SECOND: String(rate), STEADY_SHARE: '1' }),
    ...(seconds === undefined ? {} : { SECONDS: String(seconds) }),
  }
}
