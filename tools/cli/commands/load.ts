/** Sends load to the running system: how many requests are served, and how fast. */
import { join } from 'node:path'
import { loadSettingsOf } from '@nightshift/load-tests/scenarios/load-settings'
import { runK6, type ScenarioName, scenarioNames } from '@nightshift/load-tests/scenarios/run-k6'
import { findK6 } from '@nightshift/local/parts/k6'
import { confirmAllAddresses } from '@nightshift/local/seed/confirm-address'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { Argument } from 'commander'
import { describeProgress, describeSummary } from '../terminal/print-load.ts'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Runs a k6 scenario against the running system: employers who publish and pay, and
candidates who search. Exit code 0, or k6's: 99 when the generator could not keep up, 107 when the script
failed. Every request and answer is kept in .nightshift/run/load, for the auditor.`

const exitStopped = 130

export const command = npmCommand('load', description)
  .addArgument(new Argument('<scenario>', 'the scenario').choices(scenarioNames))
  .option(
    '--rate <n>',
    'employers per second on an ordinary night (35, which is 0.7 of 50; at most 100)',
  )
  .option('--seconds <n>', 'the whole run (as the scenario says)')
  .option('--seed <n>', 'another crowd', '1')
  .option('--json', 'the summary as JSON, and nothing else')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { rate?: string; seconds?: string; seed: string; json?: boolean }

async function run(scenario: ScenarioName, options: Options): Promise<number> {
  const urlOf = await runningUrls()
  const { apiKeys } = await loadSecrets(statePaths().secrets)
  const say = (line: string) => process.stderr.write(`${line}\n`)
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
  console.log(options.json ? JSON.stringify(summary, null, 2) : describeSummary(summary))
  if (stop.signal.aborted) return exitStopped
  if (exitCode !== 0) say(output)
  return exitCode
}

/** The scenario itself checks what the numbers may be. */
function settingsIn({ rate, seconds, seed }: Options): Record<string, string> {
  return {
    SEED: seed,
    ...(rate === undefined ? {} : { RATED_PER_SECOND: rate, STEADY_SHARE: '1' }),
    ...(seconds === undefined ? {} : { SECONDS: seconds }),
  }
}
