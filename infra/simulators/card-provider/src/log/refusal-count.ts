import { limits } from '../limits.ts'
import type { ProviderLog } from './provider-log.ts'

/** Counts the requests that the quota refused, until the count is in the provider log. */
export type RefusalCount = Readonly<{
  add: () => void
  /** Writes the count if it is not zero, and resolves once it is on disk. */
  flush: () => Promise<void>
}>

/**
 * Refusals can come by the thousand and move no money. They are counted and written once a second,
 * so that none of them waits for the disk. A kill loses the count of the last second.
 */
export function createRefusalCount(
  providerLog: Pick<ProviderLog, 'append'>,
  onError: (error: unknown) => void,
): RefusalCount {
  let count = 0
  let since = ''
  let timer: NodeJS.Timeout | undefined

  async function flush(): Promise<void> {
    clearTimeout(timer)
    if (count === 0) return
    const counted = { count, since }
    count = 0
    await providerLog.append({ type: 'requests.refused', ...counted })
  }

  return {
    add() {
      if (count === 0) {
        since = new Date().toISOString()
        timer = setTimeout(() => flush().catch(onError), limits.refusalsCountedMs)
      }
      count += 1
    },
    flush,
  }
}
