import { mendSystem } from './heal.ts'
import { breakLinks, type LinkVerbs } from './link-faults.ts'
import { breakParts, type PartVerbs } from './part-faults.ts'
import { breakProcesses, type ProcessVerbs } from './process-faults.ts'
import { type DialVerbs, openDials } from './simulator-faults.ts'
import type { NemesisTarget } from './target.ts'

/**
 * Everything that can be done to a system. Each fault is in the one nemesis log before it begins,
 * and again when it is over. What names no process, link or dial of the system throws.
 */
export type Nemesis = ProcessVerbs &
  PartVerbs &
  DialVerbs &
  LinkVerbs &
  Readonly<{
    /** Everything back to rest, and ready. Says what it did, one line for each thing. */
    mendAll: () => Promise<readonly string[]>
  }>

/** Opens nothing: it asks the supervisor, the fault proxy and the outside parties when used. */
export function openNemesis(target: NemesisTarget): Nemesis {
  const verbs = {
    ...breakProcesses(target),
    ...breakParts(target),
    ...openDials(target.dialsUrl),
    ...breakLinks(target.faults),
  }
  return { ...verbs, mendAll: () => mendSystem(target, verbs) }
}
