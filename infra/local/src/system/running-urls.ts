import { portPlan } from '../ports/ports.ts'
import { type ControlClient, findSupervisor } from '../supervisor/control-client.ts'
import { loadSecrets } from './secrets.ts'
import { partUrls } from './start-parts.ts'
import { statePaths } from './state.ts'
import type { ProcessName } from './topology.ts'

/** The supervisor of the running system. @throws with what to do when nothing runs */
export async function runningSupervisor(): Promise<ControlClient> {
  const supervisor = await findSupervisor(statePaths())
  if (!supervisor) throw new Error('Nothing is running. Start it with `npm start`.')
  return supervisor
}

/**
 * The URLs of the processes of the running system, whatever its port base.
 * @throws with what to do when nothing runs
 */
export async function runningUrls(): Promise<(name: ProcessName) => string> {
  const { processes } = await (await runningSupervisor()).status()
  return name => {
    const url = processes.find(process => process.name === name)?.url
    if (url === undefined) throw new Error(`The running system has no ${name}.`)
    return url
  }
}

/**
 * The URLs of the running system's own parts. Their status has no URL, but the distances between
 * ports are the same for every port base.
 * @param urlOf the answer of `runningUrls`
 */
export async function runningPartUrls(urlOf: (name: ProcessName) => string) {
  const ports = portPlan(runningPortBase(urlOf))
  return partUrls({ ports, secrets: await loadSecrets(statePaths().secrets) })
}

/** The port base of the running system. */
export function runningPortBase(urlOf: (name: ProcessName) => string): number {
  return Number(new URL(urlOf('card-provider')).port) - portPlan(0).cardProvider
}
