import { openAppendLog } from '../../stand-ins/append-log.ts'
import type { ProxyView, Toxic } from './toxic.ts'

/** A fault, or a change of a link. */
export type NemesisEntry = Readonly<{ action: 'begin' | 'change' | 'end'; proxy: string }> &
  (
    | Readonly<{ kind: 'toxic'; toxic: Toxic }>
    /**
     * `begin` and `end`: the link is down, as when it is disabled. `change`: the link is new or has
     * moved, or is no more, and then it is null.
     */
    | Readonly<{ kind: 'proxy'; link: Readonly<{ listen: string; upstream: string }> | null }>
  )

export function toxicLine(
  action: NemesisEntry['action'],
  proxy: string,
  toxic: Toxic,
): NemesisEntry {
  return { kind: 'toxic', action, proxy, toxic }
}

/** `link` is where the proxy leads, or null when it is no more. */
export function proxyLine(
  action: NemesisEntry['action'],
  proxy: string,
  link: Pick<ProxyView, 'listen' | 'upstream'> | null,
): NemesisEntry {
  const addresses = link && { listen: link.listen, upstream: link.upstream }
  return { kind: 'proxy', action, proxy, link: addresses }
}

/** The append-only file that says from when to when there was which fault. */
export type NemesisLog = Readonly<{
  /** On disk when it resolves. Write a `begin` before the fault begins, an `end` after it ended. */
  append: (entry: NemesisEntry) => Promise<void>
  /** Why nothing can be written any more, or undefined while all is well. */
  failure: () => Error | undefined
  /** Ends every fault that is under way, then closes the file. */
  close: () => Promise<void>
}>

/**
 * Opens the log. Faults that an earlier process left without an end, because it was killed, are
 * ended here: they went with it. Throws when the file can not be read back.
 */
export async function openNemesisLog(path: string): Promise<NemesisLog> {
  const underWay = new Map<string, NemesisEntry>()

  function keep(entry: NemesisEntry): void {
    const toxic = entry.kind === 'toxic' ? entry.toxic.name : undefined
    const key = JSON.stringify([entry.kind, entry.proxy, toxic])
    if (entry.action === 'end') underWay.delete(key)
    else if (entry.action === 'begin' || entry.kind === 'toxic') underWay.set(key, entry)
  }

  const log = await openAppendLog<NemesisEntry>(path, ({ at: _at, seq: _seq, ...entry }) =>
    keep(entry),
  )

  async function append(entry: NemesisEntry): Promise<void> {
    await log.append(entry)
    keep(entry)
  }

  async function endAll(): Promise<void> {
    for (const entry of [...underWay.values()]) await append({ ...entry, action: 'end' })
  }

  await endAll().catch(async cause => {
    await log.close()
    throw cause
  })
  return {
    append,
    failure: log.failure,
    async close() {
      try {
        if (log.failure() === undefined) await endAll()
      } finally {
        await log.close()
      }
    },
  }
}
