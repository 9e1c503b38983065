import { databaseUrl } from '@nightshift/local/prepare/database-url'
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { runningPartUrls, runningUrls } from '@nightshift/local/system/running-urls'
import { statePaths } from '@nightshift/local/system/state'
import { faultProxyClient } from '../fault-proxy-client.ts'
import { targetNames } from './heal.ts'
import { type Injector, openInjector } from './injector.ts'
import type { InjectorTarget, TargetName } from './target.ts'

export type RunningInjector = Readonly<{
  injector: Injector
  target: InjectorTarget
  /** The processes that can be killed, stopped and paused; external parts are not among them. */
  processes: readonly TargetName[]
}>

/** The injector of the system that `npm start` started. @throws with what to do when nothing runs */
export async function openRunningInjector(): Promise<RunningInjector> {
  const urlOf = await runningUrls()
  const client = await findSupervisor(statePaths())
  if (!client) throw new Error('The system has just been stopped.')
  const { postgresUrl, redisUrl } = await runningPartUrls(urlOf)
  const target: InjectorTarget = {
    client,
    nameOf: name => name,
    faults: faultProxyClient(urlOf('faults'), client.token),
    controlToken: client.token,
    databaseUrl: service => databaseUrl(postgresUrl, { database: service }),
    redisUrl,
    simulatorUrl: urlOf,
  }
  return { injector: openInjector(target), target, processes: await targetNames(target) }
}
