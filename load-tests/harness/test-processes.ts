import { awaitReady } from '@nightshift/local/supervisor/await-ready'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { Overrides } from '@nightshift/local/supervisor/keep-running'
import { probe } from '@nightshift/local/supervisor/probe'
import {
  type ProcessSpec,
  type ProcessStatus,
  stopWaves,
} from '@nightshift/local/supervisor/process-spec'
import { readWholeLog } from '@nightshift/local/supervisor/read-log'
import type { ProcessName } from '@nightshift/local/system/topology'
import { waitUntil } from '@nightshift/local/wait-until'

/** Controls the processes of one test system. */
export type TestProcesses = Readonly<{
  /** Starts a process, for the first time or after a stop. Does not wait until it is ready. */
  start: (name: ProcessName, overrides?: Overrides) => Promise<void>
  /** Asks a process to end, and returns when its whole process tree is gone. */
  stop: (name: ProcessName) => Promise<void>
  /** Signals the process group. After SIGKILL, returns when that process instance is gone. */
  signal: (name: ProcessName, signal: NodeJS.Signals) => Promise<void>
  /** Returns when the process answers. @throws with the end of its log after 20 s */
  waitReady: (name: ProcessName) => Promise<void>
  status: (name: ProcessName) => Promise<ProcessStatus>
  /** Everything that the process has logged so far, over all its instances. */
  logs: (name: ProcessName) => Promise<string>
}>

const readyMs = 20_000
const probeTimeoutMs = 1_000
const deathMs = 5_000

/**
 * Controls processes under the short names that a test uses. The supervisor knows them by longer
 * names, because it runs several test systems. `removeAll` stops and forgets every started process.
 */
export function controlProcesses(
  client: ControlClient,
  specOf: (name: ProcessName) => ProcessSpec,
): TestProcesses & { removeAll: () => Promise<void> } {
  const known: { name: ProcessName; spec: ProcessSpec }[] = []

  async function start(name: ProcessName, overrides?: Overrides): Promise<void> {
    const spec = specOf(name)
    if (known.some(each => each.name === name)) return client.start(spec.name, overrides)
    known.push({ name, spec })
    if (!overrides) return client.add(spec)
    await client.add({ ...spec, env: { ...spec.env, ...overrides.env } })
  }

  async function status(name: ProcessName): Promise<ProcessStatus> {
    const { name: fullName } = specOf(name)
    const found = (await client.states()).find(each => each.name === fullName)
    if (!found) throw new Error(`${name} has not been started in this system`)
    return found
  }

  return {
    start,
    status,
    stop: name => client.stop(specOf(name).name),
    async signal(name, signal) {
      const { pid } = await status(name)
      if (!(await client.signal(specOf(name).name, signal)))
        throw new Error(`${name} is not running`)
      if (signal !== 'SIGKILL') return
      const isDead = await waitUntil(async () => (await status(name)).pid !== pid, deathMs)
      if (!isDead) throw new Error(`${name} still runs ${deathMs} ms after SIGKILL`)
    },
    async waitReady(name) {
      const spec = specOf(name)
      await awaitReady(client, [spec.name], readyMs)
      // The supervisor's last look may be 2 s old, and the process may be dead or paused since.
      if (await waitUntil(() => probe(spec.ready, probeTimeoutMs), readyMs)) return
      await awaitReady(client, [spec.name], 0)
    },
    async logs(name) {
      return await readWholeLog((await status(name)).log)
    },
    async removeAll() {
      for (const wave of stopWaves(known)) {
        await Promise.all(wave.map(({ spec }) => client.remove(spec.name)))
      }
    },
  }
}
