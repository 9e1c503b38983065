import { readIfThere } from '@nightshift/local/read-if-there'
import { awaitReady } from '@nightshift/local/supervisor/await-ready'
import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import type { Overrides } from '@nightshift/local/supervisor/keep-running'
import { probe } from '@nightshift/local/supervisor/probe'
import {
  type ProcessSpec,
  type ProcessStatus,
  stopWaves,
} from '@nightshift/local/supervisor/process-spec'
import type { ProcessName } from '@nightshift/local/system/topology'
import { waitUntil } from '@nightshift/local/wait-until'

/** What a test can do to the processes of its system. */
export type TestProcesses = Readonly<{
  /** Starts it, for the first time or after a stop. Does not wait until it is ready. */
  start: (name: ProcessName, overrides?: Overrides) => Promise<void>
  /** Asks it to leave, and returns when nothing of it is left. */
  stop: (name: ProcessName) => Promise<void>
  /** To its process group. After SIGKILL, returns when that life is over. */
  signal: (name: ProcessName, signal: NodeJS.Signals) => Promise<void>
  /** Returns when it answers; throws with the end of its log when it takes longer than 20 s. */
  waitReady: (name: ProcessName) => Promise<void>
  status: (name: ProcessName) => Promise<ProcessStatus>
  /** All that it has written so far, over all its lives. */
  logs: (name: ProcessName) => Promise<string>
}>

const readyMs = 20_000
const probeTimeoutMs = 1_000
const deathMs = 5_000

/**
 * The processes of one test system, under the names that its test knows them by. `removeAll` stops
 * and forgets those that were ever started.
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
      if (!isDead) throw new Error(`${name} still lives ${deathMs} ms after SIGKILL`)
    },
    async waitReady(name) {
      const spec = specOf(name)
      await awaitReady(client, [spec.name], readyMs)
      // What the supervisor last saw may be 2 s old, and the process dead or paused since.
      if (await waitUntil(() => probe(spec.ready, probeTimeoutMs), readyMs)) return
      await awaitReady(client, [spec.name], 0)
    },
    async logs(name) {
      return (await readIfThere((await status(name)).log)) ?? ''
    },
    async removeAll() {
      for (const wave of stopWaves(known)) {
        await Promise.all(wave.map(({ spec }) => client.remove(spec.name)))
      }
    },
  }
}
