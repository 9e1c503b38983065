import { controlClient } from '../supervisor/control-client.ts'
import { partNames } from '../system/start-parts.ts'
import type { TestParts } from '../testing/test-parts.ts'
import type { TestSystem } from '../testing/test-system.ts'
import { type DialVerbs, openDials } from './nemesis-dials.ts'
import { breakLinks, type LinkVerbs } from './nemesis-links.ts'
import { mendSystem } from './nemesis-mend.ts'
import { breakParts, type PartVerbs } from './nemesis-parts.ts'
import { breakProcesses, type ProcessVerbs } from './nemesis-processes.ts'
import type { NemesisTarget } from './nemesis-target.ts'

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

/**
 * For a system that was opened with `links`. The parts belong to all systems of the test run: who
 * breaks them needs parts of their own.
 */
export function openTestNemesis(
  system: Pick<TestSystem, 'faults' | 'prefix' | 'urls' | 'databaseUrl' | 'redisUrl'>,
  parts: Pick<TestParts, 'control'>,
): Nemesis {
  const { faults, prefix, urls, databaseUrl, redisUrl } = system
  if (!faults) throw new Error('only a system with links has a log of what was done to it')
  const id = prefix.replace(/\.$/, '')
  return openNemesis({
    client: controlClient(parts.control),
    nameOf: name => (partNames.some(part => part === name) ? name : `${id}_${name}`),
    faults,
    databaseUrl,
    redisUrl,
    dialsUrl: board => (board === 'mailbox' ? urls.mailbox : urls.cardProvider),
  })
}
