import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { repoRoot } from '@nightshift/local/system/state'

/** Where the sources of a running system are. */
export type RunningSources = Readonly<{
  /** The simulators and the fault proxy keep their logs here, in one directory each. */
  dataDir: string
  /** JSON lines of the last load. The file may not exist. */
  historyFile: string
  listingsUrl: string
  /** The URL of a superuser; the database in it does not matter. */
  postgresUrl: string
  kafkaBrokers: string
}>

/** Starts the auditor in a process of its own, because it shares no code with the services. */
export type AuditorCommand = Readonly<{
  args: readonly string[]
  /** Passwords go here, because any user can read the arguments of a process. */
  env: Readonly<Record<string, string>>
  /** Lines to show to a person before the verdict. */
  advice: readonly string[]
}>

const main = join(repoRoot, 'load-tests/auditor/main.ts')

/** The command that audits a recorded run. */
export function auditRecorded(dir: string, flags: readonly string[]): AuditorCommand {
  return { args: [main, '--run', dir, ...flags], env: {}, advice: [] }
}

/** The command that audits the running system. */
export function auditRunning(sources: RunningSources, flags: readonly string[]): AuditorCommand {
  const { dataDir, historyFile, listingsUrl, postgresUrl, kafkaBrokers } = sources
  const urlOf = (database: string) => databaseUrl(postgresUrl, { database })
  const hasHistory = existsSync(historyFile)
  const noHistory =
    'There is no history of clients. What they were told is unknown, so the verdict can only be ' +
    '"unknown" or worse. `npm run load -- baseline --seconds 20` makes a history.'
  return {
    args: [
      main,
      '--provider-log',
      join(dataDir, 'card-provider', 'provider.jsonl'),
      '--mail-log',
      join(dataDir, 'mailbox', 'mails.jsonl'),
      '--fault-log',
      join(dataDir, 'faults', 'faults.jsonl'),
      '--may-be-empty',
      'faultLog',
      '--listings-url',
      listingsUrl,
      '--brokers',
      kafkaBrokers,
      ...(hasHistory ? ['--history', historyFile] : []),
      ...flags,
    ],
    env: {
      PAYMENTS_DATABASE_URL: urlOf('payments'),
      LISTINGS_DATABASE_URL: urlOf('listings'),
      NOTIFICATIONS_DATABASE_URL: urlOf('notifications'),
    },
    advice: hasHistory ? [] : [noHistory],
  }
}
