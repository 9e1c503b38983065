import { awaitInstances, readInstances } from '../proxy/await-instances.ts'
import { awaitReady } from '../supervisor/await-ready.ts'
import type { ControlClient } from '../supervisor/control-client.ts'
import { type InstanceName, instancesOf } from './instances.ts'
import { serviceNames } from './secrets.ts'

export type RollingRestart = Readonly<{
  client: ControlClient
  /** At the supervisor. Tests put a prefix before the names of their own processes. */
  nameOf: (name: InstanceName) => string
  /** The page of HAProxy with its states. */
  statsUrl: string
  /** Called when an instance serves again. */
  restarted: (instance: InstanceName, tookMs: number) => void
}>

const readyMs = 30_000
/** Several rounds of checks, and the time in which an instance warms up. */
const seenMs = 10_000

/**
 * Restarts each instance of each service in turn, as a deployment does. It stops an instance only
 * while the other one gets requests, and goes on only when the stopped one gets some again.
 * @throws when an instance is away before its turn, or does not come back; the rest is not touched
 */
export async function rollingRestart(options: RollingRestart): Promise<void> {
  const { client, nameOf, statsUrl, restarted } = options
  await refuseUnlessAllServe(statsUrl)
  for (const service of serviceNames) {
    const both = instancesOf(service)
    for (const instance of both) {
      await awaitInstances(statsUrl, both, seenMs)
      const startedMs = performance.now()
      // The instance tells HAProxy first that it stops, and ends when its requests are answered.
      await client.stop(nameOf(instance))
      await client.start(nameOf(instance))
      await awaitReady(client, [nameOf(instance)], readyMs)
      await awaitInstances(statsUrl, both, seenMs)
      restarted(instance, performance.now() - startedMs)
    }
  }
}

/** To restart an instance while the other one is away would be an outage. */
async function refuseUnlessAllServe(statsUrl: string): Promise<void> {
  const away = (await readInstances(statsUrl)).filter(instance => !instance.takesRequests)
  if (away.length === 0) return
  const states = away.map(({ name, state }) => `${name} (${state})`)
  throw new Error(
    `Nothing was restarted, because HAProxy sends no requests to ${states.join(', ')}. See \`npm run status\`.`,
  )
}
