import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import { readLogEnd } from '@nightshift/local/supervisor/read-log'
import { instanceNames } from '@nightshift/local/system/instances'
import { ownName } from '../domain/own-name.ts'
import { limits } from '../limits.ts'

/** One line of the log of a service, with what a list shows of it. */
export type LogEntry = Readonly<{
  process: string
  /** Milliseconds since 1970. */
  at: number
  level: string
  event: string
  traceId?: string
  /** The line as it was written. */
  line: string
}>

/** The lines of all services that are wanted, oldest first. Only these are parsed. */
export type SearchLogs = (isWanted: (line: string) => boolean) => Promise<readonly LogEntry[]>

/**
 * Searches the ends of the logs of this system's services. One search runs at a time, because each reads
 * some megabytes.
 * @param prefix before the names of this system's processes at the supervisor
 * @throws when too many searches wait
 */
export function openLogSearch(supervisor: ControlClient, prefix: string): SearchLogs {
  let last: Promise<unknown> = Promise.resolve()
  let waiting = 0

  async function search(isWanted: (line: string) => boolean): Promise<readonly LogEntry[]> {
    const found: LogEntry[] = []
    for (const status of await supervisor.states()) {
      const process = ownName(status, prefix)
      if (!instanceNames.some(name => name === process)) continue
      const text = await readLogEnd(status.log, limits.log.searchedBytesMax)
      for (const line of text.split('\n')) {
        if (isWanted(line)) found.push(...entryOf(process ?? '', line))
        if (found.length >= limits.log.foundMax) break
      }
    }
    return found.toSorted((a, b) => a.at - b.at)
  }

  return async isWanted => {
    if (waiting >= limits.log.searchesWaitingMax) throw new Error('too many searches are waiting')
    waiting += 1
    const searching = last
      .then(() => search(isWanted))
      .finally(() => {
        waiting -= 1
      })
    last = searching.catch(() => undefined) // the caller hears of it
    return searching
  }
}

/** What Node itself writes when it dies is no JSON, and stands in no list. */
function entryOf(process: string, line: string): LogEntry[] {
  try {
    const { time, level, event, traceId } = JSON.parse(line)
    const at = Date.parse(time)
    if (Number.isNaN(at)) return []
    return [
      {
        process,
        at,
        level: String(level),
        event: String(event),
        line,
        ...(traceId && { traceId }),
      },
    ]
  } catch {
    return []
  }
}
