import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { runningPartUrls, runningUrls } from '@nightshift/local/system/running-urls'
import { statePaths } from '@nightshift/local/system/state'
import { openFaults } from '../open-faults.ts'
import { breakableNames } from './heal.ts'
import { type Injector, openInjector } from './injector.ts'
import type { BreakableName, InjectorTarget } from './target.ts'

export type RunningInjector = Readonly<{
  injector: Injector
  target: InjectorTarget
  /** What can be killed, stopped and paused; parts that somebody else runs are not among them. */
  processes: readonly BreakableName[]
}>

/** What breaks the system that `npm start` started. @throws with what to do when nothing runs */
export async function openRunningInjector(): Promise<RunningInjector> {
  const urlOf = await runningUrls()
  const client = await findSupervisor(statePaths())
  if (!client) throw new Error('The system has just been stopped.')
  const { postgresUrl, redisUrl } = await runningPartUrls(urlOf)
  const target: InjectorTarget = {
    client,
    nameOf: name => name,
    faults: openFaults(urlOf('faults')),
    databaseUrl: service => databaseUrl(postgresUrl, { database: service }),
    redisUrl,
    simulatorUrl: urlOf,
  }
  return { injector: openInjector(target), target, processes: await breakableNames(target) }
}
