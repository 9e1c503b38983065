import type { ControlClient } from '@nightshift/local/supervisor/control-client'
import { serviceNames } from '@nightshift/local/system/secrets'
import { ownName } from '../domain/own-name.ts'
import { limits } from '../limits.ts'
import { readEnd } from './read-log.ts'

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

/** Lines of all services that fit, oldest first. `isLikely` is asked first, because parsing costs. */
export type SearchLogs = (
  isLikely: (line: string) => boolean,
  fits: (entry: LogEntry) => boolean,
) => Promise<readonly LogEntry[]>

/**
 * Searches the ends of the logs of this system's services.
 * @param prefix before the names of this system's processes at the supervisor
 */
export function openLogSearch(supervisor: ControlClient, prefix: string): SearchLogs {
  return async (isLikely, fits) => {
    const states = await supervisor.states()
    const found = await Promise.all(
      states.map(async status => {
        const process = ownName(status, prefix)
        if (process === undefined || !isOfService(process)) return []
        const lines = (await readEnd(status.log, limits.log.searchedBytesMax)).split('\n')
        return lines
          .filter(line => isLikely(line))
          .flatMap(line => entryOf(process, line))
          .filter(fits)
      }),
    )
    return found
      .flat()
      .toSorted((a, b) => a.at - b.at)
      .slice(0, limits.log.foundMax)
  }
}

function isOfService(process: string): boolean {
  return serviceNames.some(service => process === service || process === `${service}-2`)
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
