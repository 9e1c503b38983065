import type { DialBoard } from './target.ts'

/** What the dials are called and may be is known to the outside party alone. */
export type DialSettings = Readonly<Record<string, unknown>>

/** What can be done to the outside parties; they write it down themselves. */
export type DialVerbs = Readonly<{
  /** The dials as they are. */
  dials: (board: DialBoard) => Promise<DialSettings>
  /** Answers what the turned ones were before. */
  dial: (board: DialBoard, change: DialSettings) => Promise<DialSettings>
  /** Puts every dial at rest. Answers the names of those that were not. */
  resetDials: (board: DialBoard) => Promise<readonly string[]>
}>

/** A turn waits for two logs. */
const turnTimeoutMs = 5_000
const readTimeoutMs = 1_000

/** The dials of one system. */
export function openDials(urlOf: (board: DialBoard) => string): DialVerbs {
  async function ask(
    board: DialBoard,
    method: string,
    path: string,
    change?: DialSettings,
  ): Promise<DialSettings> {
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
  const dials = (board: DialBoard) => ask(board, 'GET', '/dials')

  return {
    dials,
    async dial(board, change) {
      const before = await dials(board)
      await ask(board, 'PATCH', '/dials', change)
      return Object.fromEntries(Object.keys(change).map(name => [name, before[name]]))
    },
    async resetDials(board) {
      const before = await dials(board)
      await ask(board, 'POST', '/dials/reset')
      const after = await dials(board)
      return Object.keys(after).filter(name => after[name] !== before[name])
    },
  }
}
