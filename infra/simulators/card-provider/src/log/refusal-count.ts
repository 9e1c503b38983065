import { limits } from '../limits.ts'
import type { ProviderLog } from './provider-log.ts'

/** How many requests the quota refused, on its way into the provider log. */
export type RefusalCount = Readonly<{
  add: () => void
  /** Writes what was counted so far, if anything was. Resolves once it is on disk. */
  flush: () => Promise<void>
}>

/**
 * Refusals come by the thousand and move no money, so they are counted and written once a second,
 * and none of them waits for the disk. A kill takes the count of the last second with it.
 */
export function createRefusalCount(
  truth: Pick<ProviderLog, 'append'>,
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
    await truth.append({ type: 'requests.refused', ...counted })
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
