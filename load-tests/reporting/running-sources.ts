import { join } from 'node:path'
import { externalPartsIn } from '@nightshift/local/system/external-parts'
import { runningPartUrls, runningUrls } from '@nightshift/local/system/running-urls'
import { statePaths } from '@nightshift/local/system/state'
import { readSystemFile } from '@nightshift/local/system/system-file'
import type { RunningSources } from './auditor-command.ts'

/**
 * Finds the sources of the system that `npm start` started.
 * @param environment the caller's. The URL of an external part contains a password, and is stored in no
 *   file
 * @throws with what to do when no system runs, or when an external part is not named
 */
export async function findRunningSources(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<RunningSources> {
  const state = statePaths()
  const urlOf = await runningUrls()
  const own = await runningPartUrls(urlOf)
  const externalUrl = await externalUrlsIn(environment)
  return {
    dataDir: state.data,
    historyFile: join(state.run, 'load', 'history.jsonl'),
    listingsUrl: urlOf('listings'),
    postgresUrl: externalUrl('postgres') ?? own.postgresUrl,
    kafkaBrokers: externalUrl('kafka') ?? own.kafkaBrokers,
  }
}

async function externalUrlsIn(environment: Readonly<Record<string, string | undefined>>) {
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
