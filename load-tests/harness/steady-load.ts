import { setTimeout as sleep } from 'node:timers/promises'

/** Requests that begin at a steady rate until they are stopped. */
export type SteadyLoad = Readonly<{
  /** How many have begun so far. */
  begun: () => number
  /** Begins no more, waits for those in progress, and answers how many there were. */
  stop: () => Promise<number>
}>

const beginMaxPerSecond = 1_000

/**
 * Begins requests at a steady rate, however long the earlier ones take (an open model): callers who
 * waited for each other would hide an outage.
 * @param begin throws only for what is a mistake of the test; a failed request is its result
 */
export function steadyLoad(
  perSecond: number,
  begin: (nth: number) => Promise<unknown>,
): SteadyLoad {
  if (perSecond > beginMaxPerSecond) throw new Error(`${perSecond} a second are too many`)
  const over = new AbortController()
  const begun: Promise<unknown>[] = []
  const startedMs = performance.now()
  const running = (async () => {
    while (!over.signal.aborted) {
      const dueMs = startedMs + (begun.length * 1_000) / perSecond
      const waitMs = Math.max(0, dueMs - performance.now())
      await sleep(waitMs, undefined, { signal: over.signal }).catch(() => undefined) // stopped
      if (!over.signal.aborted) begun.push(begin(begun.length))
    }
  })()
  return {
    begun: () => begun.length,
    async stop() {
      over.abort()
      await running
      await Promise.all(begun)
      return begun.length
    },
  }
}
