import type { SimulatorName } from './target.ts'

/** Only the simulator knows the names of its settings and their values. */
export type FaultSettings = Readonly<Record<string, unknown>>

/** Faults that a simulator plays by its settings; it reports them to the log itself. */
export type SimulatorFaults = Readonly<{
  readSettings: (simulator: SimulatorName) => Promise<FaultSettings>
  /** Answers what the changed settings were before. */
  changeSettings: (simulator: SimulatorName, change: FaultSettings) => Promise<FaultSettings>
  /** Sets every setting to its default. Answers the names of those that were changed. */
  resetSettings: (simulator: SimulatorName) => Promise<readonly string[]>
}>

/** A change waits for two logs. */
const changeTimeoutMs = 5_000
const readTimeoutMs = 1_000

export function openSimulatorFaults(urlOf: (simulator: SimulatorName) => string): SimulatorFaults {
  async function ask(
    simulator: SimulatorName,
    method: string,
    path: string,
    change?: FaultSettings,
  ): Promise<FaultSettings> {
    const response = await fetch(new URL(path, urlOf(simulator)), {
      method,
      signal: AbortSignal.timeout(method === 'GET' ? readTimeoutMs : changeTimeoutMs),
      ...(change !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(change),
      }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${simulator} refused (${response.status}): ${text}`)
    return JSON.parse(text)
  }
  const readSettings = (simulator: SimulatorName) => ask(simulator, 'GET', '/settings')

  return {
    readSettings,
    async changeSettings(simulator, change) {
      const before = await readSettings(simulator)
      await ask(simulator, 'PATCH', '/settings', change)
      return Object.fromEntries(Object.keys(change).map(name => [name, before[name]]))
    },
    async resetSettings(simulator) {
      const before = await readSettings(simulator)
      await ask(simulator, 'POST', '/settings/reset')
      const after = await readSettings(simulator)
      return Object.keys(after).filter(name => after[name] !== before[name])
    },
  }
}
