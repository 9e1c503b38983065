/** Pays for a listing and follows it to the mailbox, once or many times. */

import { readNumber } from '@nightshift/local/read-number'
import { runningUrls } from '@nightshift/local/system/running-urls'
import { loadSecrets } from '@nightshift/local/system/secrets'
import { statePaths } from '@nightshift/local/system/state'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import { type JourneyOptions, type JourneyResult, runJourney } from '../journey.ts'
import { runCommandLine } from '../terminal/command-line.ts'
import { printJourney } from '../terminal/print-journey.ts'

const help = `Usage: npm run journey [-- --count N] [--deadline SECONDS] [--json]

Saves an alert, drafts a listing, pays for it, waits until it is live and the mail has arrived, and
asks the card provider how often it charged. Exit code 1 when a step does not come true in time.

  --count N            so many journeys, one after the other (1)
  --deadline SECONDS   for each step (60)
  --json               one JSON document instead of lines`

const options = {
  count: { type: 'string', default: '1' },
  deadline: { type: 'string', default: '60' },
  json: { type: 'boolean' },
} as const
const countMax = 10_000
const deadlineSecondsMax = 3_600

type Values = { count?: string | boolean; deadline?: string | boolean; json?: string | boolean }

if (import.meta.main) await runCommandLine({ help, options, run }, process.argv.slice(2))

async function run(values: Values): Promise<number> {
  const count = readNumber('--count', values.count, countMax)
  const deadlineSeconds = readNumber('--deadline', values.deadline, deadlineSecondsMax)
  const urlOf = await runningUrls()
  const { apiKeys } = await loadSecrets(statePaths().secrets)
  const collector = process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] || urlOf('trace-sink')
  await using _telemetry = startTelemetry('journey', collector)
  const journey: JourneyOptions = {
    urls: {
      listings: urlOf('listings'),
      notifications: urlOf('notifications'),
      mailbox: urlOf('mailbox'),
      cardProvider: urlOf('card-provider'),
    },
    apiKey: apiKeys['acme'] ?? '',
    stepDeadlineMs: deadlineSeconds * 1000,
  }
  const journeys: JourneyResult[] = []
  for (let number = 1; number <= count; number += 1) {
    const result = await runJourney(journey)
    journeys.push(result)
    if (!values.json) console.log(`Journey ${number} of ${count}\n${printJourney(result)}`)
  }
  const failed = journeys.filter(result => !result.ok).length
  if (values.json) console.log(JSON.stringify({ count, failed, journeys }, null, 2))
  else if (count > 1) console.log(`${count - failed} of ${count} journeys came true.`)
  return failed === 0 ? 0 : 1
}
