import { type Line, openAppendLog } from '../../../simulators/append-log.ts'
import type { ProxyView, Toxic } from '../proxy/toxic.ts'

export type FaultAction = 'begin' | 'change' | 'end'

/** What others break: a process (killed, paused), a setting of an outside party, a real part. */
export type NotedKind = 'process' | 'setting' | 'part'

/** A fault that somebody else makes, with details of its own. */
export type FaultNote = Readonly<{
  kind: NotedKind
  action: FaultAction
  name: string
  [detail: string]: unknown
}>

/** A fault of this process, or a change of a link. */
type ProxyEntry = Readonly<{ action: FaultAction; proxy: string }> &
  (
    | Readonly<{ kind: 'toxic'; toxic: Toxic }>
    /**
     * `begin` and `end`: the link is down, as when it is disabled. `change`: the link is new or has
     * moved, or is no more, and then it is null.
     */
    | Readonly<{ kind: 'proxy'; link: Readonly<{ listen: string; upstream: string }> | null }>
  )

export type FaultLogEntry = ProxyEntry | FaultNote
/** An entry as it stands in the log. */
export type FaultLogLine = Line<FaultLogEntry>

export function toxicLine(action: FaultAction, proxy: string, toxic: Toxic): ProxyEntry {
  return { kind: 'toxic', action, proxy, toxic }
}

/** `link` is where the proxy leads, or null when it is no more. */
export function proxyLine(
  action: FaultAction,
  proxy: string,
  link: Pick<ProxyView, 'listen' | 'upstream'> | null,
): ProxyEntry {
  const addresses = link && { listen: link.listen, upstream: link.upstream }
  return { kind: 'proxy', action, proxy, link: addresses }
}

/** The append-only file that says from when to when there was which fault. */
export type FaultLog = Readonly<{
  /** On disk when it resolves. Write a `begin` before the fault begins, an `end` after it ended. */
  append: (entry: FaultLogEntry) => Promise<FaultLogLine>
  /** The faults that have begun and not ended: as they are now, with `at` and `seq` of their begin. */
  underWay: () => readonly FaultLogLine[]
  /** Why nothing can be written any more, or undefined while all is well. */
  failure: () => Error | undefined
  /** Ends every fault that is under way and goes with this process, then closes the file. */
  close: () => Promise<void>
}>

/**
 * Opens the log. Faults that an earlier process left without an end, because it was killed, are
 * ended here: they went with it. Faults of others did not, and stay under way. Throws when the file
 * can not be read back.
 */
export async function openFaultLog(path: string): Promise<FaultLog> {
  const underWay = new Map<string, FaultLogLine>()

  function keep(line: FaultLogLine): void {
    const key = keyOf(line)
    if (line.action === 'end') {
      underWay.delete(key)
    } else if (line.action === 'begin' || line.kind !== 'proxy') {
      const { at, seq } = (line.action === 'change' && underWay.get(key)) || line
      underWay.set(key, { ...line, action: 'begin', at, seq })
    }
  }

  const log = await openAppendLog<FaultLogEntry>(path, keep)

  async function append(entry: FaultLogEntry): Promise<FaultLogLine> {
    const line = await log.append(entry)
    keep(line)
    return line
  }

  async function endOwn(): Promise<void> {
    for (const { at: _at, seq: _seq, ...entry } of [...underWay.values()]) {
      if (isOwn(entry)) await append({ ...entry, action: 'end' })
    }
  }

  await endOwn().catch(async cause => {
    await log.close()
    throw cause
  })
  return {
    append,
    underWay: () => [...underWay.values()],
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

/** What begins and ends under one name is one fault. */
function keyOf(entry: FaultLogEntry): string {
  if (!isOwn(entry)) return JSON.stringify([entry.kind, entry.name])
  const toxic = entry.kind === 'toxic' ? entry.toxic.name : undefined
  return JSON.stringify([entry.kind, entry.proxy, toxic])
}
