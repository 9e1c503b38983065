import { join } from 'node:path'
import { externalPartsIn } from '@nightshift/local/system/external-parts'
import { runningPartUrls, runningUrls } from '@nightshift/local/system/running-urls'
import { statePaths } from '@nightshift/local/system/state'
import { readSystemFile } from '@nightshift/local/system/system-file'
import type { Witnesses } from './auditor-command.ts'

/**
 * Who can be asked about the system that `npm start` started.
 * @param environment the caller's: the URL of a part that runs elsewhere holds a password, and is
 *   kept nowhere
 * @throws with what to do when nothing runs, or when such a part is not named
 */
export async function runningWitnesses(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<Witnesses> {
  const state = statePaths()
  const urlOf = await runningUrls()
  const own = await runningPartUrls(urlOf)
  const elsewhere = await elsewhereIn(environment)
  return {
    dataDir: state.data,
    historyFile: join(state.run, 'load', 'history.jsonl'),
    listingsUrl: urlOf('listings'),
    postgresUrl: elsewhere('postgres') ?? own.postgresUrl,
    kafkaBrokers: elsewhere('kafka') ?? own.kafkaBrokers,
  }
}

async function elsewhereIn(environment: Readonly<Record<string, string | undefined>>) {
  const system = await readSystemFile(statePaths())
  const named = externalPartsIn(environment)
  return (name: 'postgres' | 'kafka'): string | undefined => {
    const external = system?.external.find(part => part.name === name)
    if (!external) return undefined
    const value = named.find(part => part.name === name)?.value
    if (value !== undefined) return value
    const variable = name === 'postgres' ? 'DATABASE_URL' : 'KAFKA_BROKERS'
    throw new Error(
      `The system runs on ${name} at ${external.address}: set ${variable} as at the start.`,
    )
  }
}
