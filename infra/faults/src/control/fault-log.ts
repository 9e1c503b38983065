import { type Line, openAppendLog } from '../../../simulators/append-log.ts'
import type { ProxyView, Toxic } from '../proxy/toxic.ts'

export type NemesisAction = 'begin' | 'change' | 'end'

/** What others break: a process (killed, paused), a dial of an outside party, a real part. */
export type NotedKind = 'process' | 'dial' | 'part'

/** A fault that somebody else makes, with details of its own. */
export type NemesisNote = Readonly<{
  kind: NotedKind
  action: NemesisAction
  name: string
  [detail: string]: unknown
}>

/** A fault of this process, or a change of a link. */
type ProxyEntry = Readonly<{ action: NemesisAction; proxy: string }> &
  (
    | Readonly<{ kind: 'toxic'; toxic: Toxic }>
    /**
     * `begin` and `end`: the link is down, as when it is disabled. `change`: the link is new or has
     * moved, or is no more, and then it is null.
     */
    | Readonly<{ kind: 'proxy'; link: Readonly<{ listen: string; upstream: string }> | null }>
  )

export type NemesisEntry = ProxyEntry | NemesisNote
/** An entry as it stands in the log. */
export type NemesisLine = Line<NemesisEntry>

export function toxicLine(action: NemesisAction, proxy: string, toxic: Toxic): ProxyEntry {
  return { kind: 'toxic', action, proxy, toxic }
}

/** `link` is where the proxy leads, or null when it is no more. */
export function proxyLine(
  action: NemesisAction,
  proxy: string,
  link: Pick<ProxyView, 'listen' | 'upstream'> | null,
): ProxyEntry {
  const addresses = link && { listen: link.listen, upstream: link.upstream }
  return { kind: 'proxy', action, proxy, link: addresses }
}

/** The append-only file that says from when to when there was which fault. */
export type NemesisLog = Readonly<{
  /** On disk when it resolves. Write a `begin` before the fault begins, an `end` after it ended. */
  append: (entry: NemesisEntry) => Promise<NemesisLine>
  /** The faults that have begun and not ended: as they are now, with `at` and `seq` of their begin. */
  underWay: () => readonly NemesisLine[]
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
export async function openNemesisLog(path: string): Promise<NemesisLog> {
  const underWay = new Map<string, NemesisLine>()

  function keep(line: NemesisLine): void {
    const key = keyOf(line)
    if (line.action === 'end') {
      underWay.delete(key)
    } else if (line.action === 'begin' || line.kind !== 'proxy') {
      const { at, seq } = (line.action === 'change' && underWay.get(key)) || line
      underWay.set(key, { ...line, action: 'begin', at, seq })
    }
  }

  const log = await openAppendLog<NemesisEntry>(path, keep)

  async function append(entry: NemesisEntry): Promise<NemesisLine> {
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

function isOwn(entry: NemesisEntry): entry is ProxyEntry {
  return entry.kind === 'toxic' || entry.kind === 'proxy'
}

/** What begins and ends under one name is one fault. */
function keyOf(entry: NemesisEntry): string {
  if (!isOwn(entry)) return JSON.stringify([entry.kind, entry.name])
  const toxic = entry.kind === 'toxic' ? entry.toxic.name : undefined
  return JSON.stringify([entry.kind, entry.proxy, toxic])
}
