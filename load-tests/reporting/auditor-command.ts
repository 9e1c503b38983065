import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { repoRoot } from '@nightshift/local/system/state'

/** Where the witnesses of a running system are. */
export type Witnesses = Readonly<{
  /** Where the outside parties and the fault proxy keep their logs, one directory each. */
  dataDir: string
  /** JSON lines of the last load; it may not be there. */
  historyFile: string
  listingsUrl: string
  /** With all rights, whatever database it names. */
  postgresUrl: string
  kafkaBrokers: string
}>

/** What starts the auditor, a process of its own: it shares no code with those it judges. */
export type AuditorCommand = Readonly<{
  args: readonly string[]
  /** Holds passwords, which the arguments of a process do not. */
  env: Readonly<Record<string, string>>
  /** What to say before, for a person. */
  advice: readonly string[]
}>

const main = join(repoRoot, 'load-tests/auditor/main.ts')

/** The auditor on a recorded run. */
export function auditRecorded(dir: string, flags: readonly string[]): AuditorCommand {
  return { args: [main, '--run', dir, ...flags], env: {}, advice: [] }
}

/** The auditor on the running system. */
export function auditRunning(witnesses: Witnesses, flags: readonly string[]): AuditorCommand {
  const { dataDir, historyFile, listingsUrl, postgresUrl, kafkaBrokers } = witnesses
  const urlOf = (database: string) => databaseUrl(postgresUrl, { database })
  const hasHistory = existsSync(historyFile)
  const noHistory =
    'There is no history of clients, so nobody knows what they were told, and the verdict can only be ' +
    '"unknown" or worse. `npm run load -- baseline --seconds 20` makes one.'
  return {
    args: [
      main,
      ...['--truth-log', join(dataDir, 'card-provider', 'provider.jsonl')],
      ...['--mail-log', join(dataDir, 'mailbox', 'mails.jsonl')],
      ...['--faultLog', join(dataDir, 'faults', 'faults.jsonl'), '--may-be-empty', 'faultLog'],
      ...['--listings-url', listingsUrl, '--brokers', kafkaBrokers],
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
