import { waitUntil } from '@nightshift/local/wait-until'
import type { Faults } from '../open-faults.ts'
import type { Back } from './target.ts'

type Kind = 'process' | 'part'

/** What is broken here is written down by the fault proxy, so that one log has all in order. */
export type Notes = Readonly<{
  /** On disk when it resolves: then the fault may begin. */
  begin: (kind: Kind, name: string, details: object) => Promise<void>
  /** Says how long it took since a `performance.now()`. */
  endAfter: (kind: Kind, name: string, startedAt: number) => Promise<Back>
  /** True if there was one to end. */
  endIfOpen: (kind: Kind, name: string) => Promise<boolean>
  isOpen: (kind: Kind, name: string) => Promise<boolean>
}>

/** The fault proxy may be what was broken, or broken by somebody else at this moment. */
const endMs = 15_000
const endPollMs = 200

/** The notes about one system. */
export function openNotes(faults: Pick<Faults, 'note' | 'open'>): Notes {
  async function end(kind: Kind, name: string, details: object): Promise<void> {
    let failure: unknown
    const isWritten = await waitUntil(
      async () => {
        try {
          await faults.note({ ...details, kind, action: 'end', name })
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
    return (await faults.open()).some(fault => fault.kind === kind && fault.name === name)
  }

  return {
    async begin(kind, name, details) {
      await faults.note({ ...details, kind, action: 'begin', name })
    },
    async endAfter(kind, name, startedAt) {
      const backAfterMs = Math.round(performance.now() - startedAt)
      await end(kind, name, { backAfterMs })
      return { backAfterMs }
    },
    async endIfOpen(kind, name) {
      const wasOpen = await isOpen(kind, name)
      if (wasOpen) await end(kind, name, {})
      return wasOpen
    },
    isOpen,
  }
}
