import type { SimulatorName } from './target.ts'

/** What the settings are called and may be is known to the outside party alone. */
export type FaultSettings = Readonly<Record<string, unknown>>

/** What can be done to the outside parties; they write it down themselves. */
export type SimulatorFaults = Readonly<{
  /** The settings as they are. */
  settings: (board: SimulatorName) => Promise<FaultSettings>
  /** Answers what the turned ones were before. */
  setting: (board: SimulatorName, change: FaultSettings) => Promise<FaultSettings>
  /** Puts every setting at rest. Answers the names of those that were not. */
  resetSettings: (board: SimulatorName) => Promise<readonly string[]>
}>

/** A turn waits for two logs. */
const turnTimeoutMs = 5_000
const readTimeoutMs = 1_000

/** The settings of one system. */
export function openSimulatorFaults(urlOf: (board: SimulatorName) => string): SimulatorFaults {
  async function ask(
    board: SimulatorName,
    method: string,
    path: string,
    change?: FaultSettings,
  ): Promise<FaultSettings> {
    const response = await fetch(new URL(path, urlOf(board)), {
      method,
      signal: AbortSignal.timeout(method === 'GET' ? readTimeoutMs : turnTimeoutMs),
      ...(change === undefined
        ? {}
        : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(change) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${board} refused (${response.status}): ${text}`)
    return JSON.parse(text)
  }
  const settings = (board: SimulatorName) => ask(board, 'GET', '/settings')

  return {
    settings,
    async setting(board, change) {
      const before = await settings(board)
      await ask(board, 'PATCH', '/settings', change)
      return Object.fromEntries(Object.keys(change).map(name => [name, before[name]]))
    },
    async resetSettings(board) {
      const before = await settings(board)
      await ask(board, 'POST', '/settings/reset')
      const after = await settings(board)
      return Object.keys(after).filter(name => after[name] !== before[name])
    },
  }
}
