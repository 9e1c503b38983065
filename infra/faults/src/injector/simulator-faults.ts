import { askJson } from '@nightshift/local/ask-json'
import type { SimulatorName } from './target.ts'

/** Only the simulator knows the names of its settings and their values. */
export type FaultSettings = Readonly<Record<string, unknown>>

/** A change waits for two logs. */
const changeTimeoutMs = 5_000
const readTimeoutMs = 1_000

export type SimulatorFaults = Readonly<ReturnType<typeof openSimulatorFaults>>

/** Faults that a simulator plays by its settings; it reports them to the log itself. */
export function openSimulatorFaults(
  urlOf: (simulator: SimulatorName) => string,
  controlToken: string,
) {
  const headers = { authorization: `Bearer ${controlToken}` }

  async function readSettings(simulator: SimulatorName): Promise<FaultSettings> {
    const url = new URL('/settings', urlOf(simulator))
    return (await askJson('GET', url, { timeoutMs: readTimeoutMs })) as FaultSettings
  }

  return {
    readSettings,
    /** Answers what the changed settings were before. */
    async changeSettings(simulator: SimulatorName, change: FaultSettings): Promise<FaultSettings> {
      const before = await readSettings(simulator)
      const url = new URL('/settings', urlOf(simulator))
      await askJson('PATCH', url, { body: change, headers, timeoutMs: changeTimeoutMs })
      return Object.fromEntries(Object.keys(change).map(name => [name, before[name]]))
    },
    /** Sets every setting to its default. Answers the names of those that were changed. */
    async resetSettings(simulator: SimulatorName): Promise<readonly string[]> {
      const before = await readSettings(simulator)
      const url = new URL('/settings/reset', urlOf(simulator))
      await askJson('POST', url, { headers, timeoutMs: changeTimeoutMs })
      const after = await readSettings(simulator)
      return Object.keys(after).filter(name => after[name] !== before[name])
    },
  }
}
