/** Pays for a listing and follows it to the mailbox, once or many times. */

import { readNumber } from '@nightshift/local/read-number'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import { type JourneyOptions, type JourneyResult, runJourney } from '../journey.ts'
import { printJourney } from '../terminal/print-journey.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Saves an alert, drafts a listing, pays for it, waits until it is live and the mail has arrived,
and asks the card provider how often it charged. Exit code 1 when a step takes too long.`

const countMax = 10_000
const deadlineSecondsMax = 3_600
const readCount = (text: string) => readNumber('--count', text, countMax)
const readDeadline = (text: string) => readNumber('--deadline', text, deadlineSecondsMax)

export const command = npmCommand('journey', description)
  .option('--count <n>', 'so many journeys, one after the other', parsedBy(readCount), 1)
  .option('--deadline <seconds>', 'for each step', parsedBy(readDeadline), 60)
  .option('--json', 'one JSON document instead of lines')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { count: number; deadline: number; json?: boolean }

async function run({ count, deadline, json }: Options): Promise<number> {
  const urlOf = await runningUrls()
  const { apiKeys } = await loadSecrets(statePaths().secrets)
  const collector = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || urlOf('trace-sink')
  await using _telemetry = await startTelemetry('journey', collector)
  const journey: JourneyOptions = {
    urls: {
      listings: urlOf('listings'),
      notifications: urlOf('notifications'),
      mailbox: urlOf('mailbox'),
      cardProvider: urlOf('card-provider'),
    },
    apiKey: apiKeys['acme'] ?? '',
    stepDeadlineMs: deadline * 1000,
  }
  const journeys: JourneyResult[] = []
  for (let number = 1; number <= count; number += 1) {
    const result = await runJourney(journey)
    journeys.push(result)
    if (!json) console.log(`Journey ${number} of ${count}\n${printJourney(result)}`)
  }
  const failed = journeys.filter(result => !result.ok).length
  if (json) console.log(JSON.stringify({ count, failed, journeys }, null, 2))
  else if (count > 1) console.log(`${count - failed} of ${count} journeys succeeded.`)
  return failed === 0 ? 0 : 1
}
