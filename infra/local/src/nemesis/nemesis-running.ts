import { openFaults } from '@nightshift/faults/open-faults'
import { findSupervisor } from '../supervisor/control-client.ts'
import { databaseUrl } from '../system/database-url.ts'
import { runningPartUrls, runningUrls } from '../system/running-urls.ts'
import { statePaths } from '../system/state.ts'
import { type Nemesis, openNemesis } from './nemesis.ts'
import { breakableNames } from './nemesis-mend.ts'
import type { BreakableName, NemesisTarget } from './nemesis-target.ts'

export type RunningNemesis = Readonly<{
  nemesis: Nemesis
  target: NemesisTarget
  /** What can be killed, stopped and paused; parts that somebody else runs are not among them. */
  processes: readonly BreakableName[]
}>

/** What breaks the system that `npm start` started. @throws with what to do when nothing runs */
export async function openRunningNemesis(): Promise<RunningNemesis> {
  const urlOf = await runningUrls()
  const client = await findSupervisor(statePaths())
  if (!client) throw new Error('The system has just been stopped.')
  const { postgresUrl, redisUrl } = await runningPartUrls(urlOf)
  const target: NemesisTarget = {
    client,
    nameOf: name => name,
    faults: openFaults(urlOf('faults')),
    databaseUrl: service => databaseUrl(postgresUrl, { database: service }),
    redisUrl,
    dialsUrl: urlOf,
  }
  return { nemesis: openNemesis(target), target, processes: await breakableNames(target) }
}
