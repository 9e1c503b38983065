import { waitUntil } from '@nightshift/local/wait-until'
import type { FaultProxyClient } from '../fault-proxy-client.ts'
import type { RecoveryTime } from './target.ts'

type Kind = 'process' | 'part'

/** The fault proxy may be the target itself, or be down for another fault at this moment. */
const endMs = 15_000
const endPollMs = 200

/** Writes the injector's own faults into the log of the fault proxy, so that one log has all in order. */
export function openFaultRecord(faults: Pick<FaultProxyClient, 'report' | 'openFaults'>) {
  async function end(kind: Kind, name: string, details: object): Promise<void> {
    let failure: unknown
    const isWritten = await waitUntil(
      async () => {
        try {
          await faults.report({ ...details, kind, action: 'end', name })
          return true
        } catch (error) {
          failure = error // the deadline decides
          return false
        }
      },
      endMs,
      endPollMs,
    )
    if (!isWritten) throw new Error(`the end of ${name} is not in the log`, { cause: failure })
  }

  async function isOpen(kind: Kind, name: string): Promise<boolean> {
    const open = await faults.openFaults()
    return open.some(fault => fault.kind === kind && fault.name === name)
  }

  return {
    /** The line is on disk when this resolves: then the fault may begin. */
    async begin(kind: Kind, name: string, details: object): Promise<void> {
      await faults.report({ ...details, kind, action: 'begin', name })
    },
    /** Answers how long the recovery took since a `performance.now()`. */
    async endAfter(kind: Kind, name: string, startedAt: number): Promise<RecoveryTime> {
      const recoveredAfterMs = Math.round(performance.now() - startedAt)
      await end(kind, name, { recoveredAfterMs })
      return { recoveredAfterMs }
    },
    /** Answers whether there was one to end. */
    async endIfOpen(kind: Kind, name: string): Promise<boolean> {
      const wasOpen = await isOpen(kind, name)
      if (wasOpen) await end(kind, name, {})
      return wasOpen
    },
    isOpen,
  }
}
