/** Starts everything, makes the first journey through it, and leaves it running. */

import { faultProxyClient } from '@nightshift/faults/fault-proxy-client'
import { endReportedFaults } from '@nightshift/faults/injector/heal'
import { type PortPlan, portPlan, readPortBase, replicaPorts } from '@nightshift/local/ports/ports'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { openProgress, type Progress } from '@nightshift/local/progress'
import { readNumber } from '@nightshift/local/read-number'
import { seedListings } from '@nightshift/local/seed/seed'
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { type StartedSystem, startSystem } from '@nightshift/local/system/start-system'
import { statePaths } from '@nightshift/local/system/state'
import { readSystemFile } from '@nightshift/local/system/system-file'
import { startTelemetry } from '@nightshift/runtime/telemetry/tracing'
import { runJourney } from '../journey.ts'
import { printJourney } from '../terminal/print-journey.ts'
import { exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'
import { statusRows, totalMemoryMiB } from '../terminal/status-rows.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Starts PostgreSQL, Redis, Kafka, the simulators and the services on 127.0.0.1, fills the board,
makes one journey through it and leaves everything running. \`npm stop\` ends it; data stays.`

const environmentHelp = `
Environment:
  NIGHTSHIFT_PORT_BASE   first port of the system, 4000 unless set
  DATABASE_URL, REDIS_URL, KAFKA_BROKERS
                         a part that runs elsewhere: used, not started; no link leads there
  PROMETHEUS_URL         a Prometheus that runs elsewhere, whose alerts the console shows
  PATTERN_*, CRASH_AT, BLOCK_AT, LOG_LEVEL, OTEL_TRACES_SAMPLER_ARG
                         handed to the services`

const reasons = {
  SIGINT: 'Interrupted.',
  SIGTERM: 'Interrupted before everything was ready, as by `npm stop`.',
  SIGHUP: 'Interrupted, because the terminal was closed.',
}

const journeyStepDeadlineMs = 15_000
const replicasMax = 2
const readReplicas = (text: string) => readNumber('--replicas', text, replicasMax)

export const command = npmCommand('start', description)
  .option(
    '--replicas <n>',
    'instances of each service, 1 or 2; two of them stand behind HAProxy',
    parsedBy(readReplicas),
    1,
  )
  .addHelpText('after', environmentHelp)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run({ replicas: count }: { replicas: number }): Promise<number> {
  const state = statePaths()
  const base = readPortBase(process.env['NIGHTSHIFT_PORT_BASE'])
  const ports = portPlan(base)
  const replicas = count > 1 ? replicaPorts(base) : undefined
  const running = await findSupervisor(state)
  if (running) {
    const rows = statusRows(await running.status(), await readSystemFile(state))
    console.log(`It is running already; nothing was changed.\n\n${renderTable(rows)}`)
    return 0
  }
  const progress = openProgress(process.stdout)
  const { client, secrets } = await startSystem(
    {
      state,
      ports,
      replicas,
      environment: process.env,
      progress,
      stop: stopOnSignals(),
      beganAtMs: beganAtMs(),
    },
    system => firstSteps(system, ports, progress),
  )
  const seconds = (Date.now() - beganAtMs()) / 1000
  const status = await client.status()
  const rows = statusRows(status, await readSystemFile(state))
  console.log(`\n${renderTable(rows)}\n`)
  console.log(
    `Ready in ${seconds.toFixed(1)} s. ${totalMemoryMiB(status)} MiB resident, shared pages counted once.`,
  )
  console.log(`\n${whatToTry(ports, secrets.apiKeys['acme'] ?? '')}`)
  return 0
}

/** The bootstrap began earlier, and may have installed packages first. */
function beganAtMs(): number {
  const text = process.env['NIGHTSHIFT_BEGAN_AT_MS']
  return text === undefined ? Date.now() - process.uptime() * 1000 : Number(text)
}

/** Ends old entries of the log of faults, fills the board, and publishes a first listing. */
async function firstSteps(
  { client, secrets, postgresUrl }: StartedSystem,
  ports: PortPlan,
  progress: Progress,
): Promise<void> {
  const at = (port: number) => `http://127.0.0.1:${port}`
  const urls = {
    listings: at(ports.listings),
    notifications: at(ports.notifications),
    mailbox: at(ports.mailbox),
    cardProvider: at(ports.cardProvider),
  }
  await endReportedFaults(faultProxyClient(at(ports.faults), client.token))
  await progress.step('Listings on the board', () =>
    seedListings({
      listingsDatabaseUrl: databaseUrl(postgresUrl, { database: 'listings' }),
      listingsUrl: urls.listings,
      notificationsDatabaseUrl: databaseUrl(postgresUrl, { database: 'notifications' }),
      notificationsUrl: urls.notifications,
      mailboxUrl: urls.mailbox,
      apiKeys: secrets.apiKeys,
    }),
  )
  await using _telemetry = await startTelemetry('journey', at(ports.traceSink))
  const apiKey = secrets.apiKeys['acme'] ?? ''
  const stepDeadlineMs = journeyStepDeadlineMs
  const journey = await progress.step('The first journey', () =>
    runJourney({ urls, apiKey, stepDeadlineMs }),
  )
  console.log(printJourney(journey))
  if (!journey.ok) throw new Error('The first journey failed; `npm run logs` shows what happened.')
}

function whatToTry(ports: PortPlan, apiKey: string): string {
  return [
    `Watch and break it:    http://127.0.0.1:${ports.console}/`,
    `Employer key of acme:  ${apiKey}`,
    `Search the board:      curl http://127.0.0.1:${ports.listings}/v1/listings`,
    `The mailbox:           http://127.0.0.1:${ports.mailbox}/`,
    'Stop it again:         npm stop',
  ].join('\n')
}

function stopOnSignals(): AbortSignal {
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => stop.abort(new Error(reasons[signal])))
  }
  return stop.signal
}
