import { type Line, openAppendLog } from '../../../simulators/append-log.ts'
import type { ProxyView, Toxic } from '../proxy/toxic.ts'

export type FaultAction = 'begin' | 'change' | 'end'

/**
 * A fault that another process injects, with details of its own: a process that was killed or
 * paused, a setting of a simulator, a fault of a real part, or more load than the system is made for.
 */
export type ReportedFault = Readonly<{
  kind: 'process' | 'setting' | 'part' | 'load'
  action: FaultAction
  name: string
  [detail: string]: unknown
}>

/** A fault of this process, or a change of a link. */
type ProxyEntry = Readonly<{ action: FaultAction; proxy: string }> &
  (
    | Readonly<{ kind: 'toxic'; toxic: Toxic }>
    /**
     * The link is down from `begin` to `end`. A `change` says that the link is new, has moved, or
     * is gone; then it is null.
     */
    | Readonly<{ kind: 'proxy'; link: Readonly<{ listen: string; upstream: string }> | null }>
  )

export type FaultLogEntry = ProxyEntry | ReportedFault
/** An entry as it stands in the log. */
export type FaultLogLine = Line<FaultLogEntry>

export function toxicEntry(action: FaultAction, proxy: string, toxic: Toxic): ProxyEntry {
  return { kind: 'toxic', action, proxy, toxic }
}

/** `link` is where the proxy leads, or null when it is gone. */
export function proxyEntry(
  action: FaultAction,
  proxy: string,
  link: Pick<ProxyView, 'listen' | 'upstream'> | null,
): ProxyEntry {
  const addresses = link && { listen: link.listen, upstream: link.upstream }
  return { kind: 'proxy', action, proxy, link: addresses }
}

/** The append-only file that says when each fault began and ended. */
export type FaultLog = Readonly<{
  /** On disk when it resolves. Write a `begin` before the fault begins, an `end` after it ended. */
  append: (entry: FaultLogEntry) => Promise<FaultLogLine>
  /** The faults that have begun and not ended: as they are now, with `at` and `seq` of their begin. */
  openFaults: () => readonly FaultLogLine[]
  /** Why nothing can be written any more; undefined while the log works. */
  failure: () => Error | undefined
  /** Ends the faults of this process, then closes the file. */
  close: () => Promise<void>
}>

/**
 * Opens the log. A proxy that was killed could not write the ends of its own faults, and they ended
 * with it: their ends are written here. Reported faults go on. Throws when the file can not be read.
 */
export async function openFaultLog(path: string): Promise<FaultLog> {
  const open = new Map<string, FaultLogLine>()

  function keep(line: FaultLogLine): void {
    const key = keyOf(line)
    if (line.action === 'end') {
      open.delete(key)
    } else if (line.action === 'begin' || line.kind !== 'proxy') {
      const { at, seq } = (line.action === 'change' && open.get(key)) || line
      open.set(key, { ...line, action: 'begin', at, seq })
    }
  }

  const log = await openAppendLog<FaultLogEntry>(path, keep)

  async function append(entry: FaultLogEntry): Promise<FaultLogLine> {
    const line = await log.append(entry)
    keep(line)
    return line
  }

  async function endOwn(): Promise<void> {
    for (const { at: _at, seq: _seq, ...entry } of [...open.values()]) {
      if (isOwn(entry)) await append({ ...entry, action: 'end' })
    }
  }

  await endOwn().catch(async cause => {
    await log.close()
    throw cause
  })
  return {
    append,
    openFaults: () => [...open.values()],
    failure: log.failure,
    async close() {
      try {
        if (log.failure() === undefined) await endOwn()
      } finally {
        await log.close()
      }
    },
  }
}

function isOwn(entry: FaultLogEntry): entry is ProxyEntry {
  return entry.kind === 'toxic' || entry.kind === 'proxy'
}

/** A begin and an end with the same key belong to one fault. */
function keyOf(entry: FaultLogEntry): string {
  if (!isOwn(entry)) return JSON.stringify([entry.kind, entry.name])
  const toxic = entry.kind === 'toxic' ? entry.toxic.name : undefined
  return JSON.stringify([entry.kind, entry.proxy, toxic])
}
