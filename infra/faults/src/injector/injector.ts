import { healSystem } from './heal.ts'
import { breakLinks, type LinkVerbs } from './link-faults.ts'
import { breakParts, type PartVerbs } from './part-faults.ts'
import { breakProcesses, type ProcessVerbs } from './process-faults.ts'
import { openSimulatorFaults, type SimulatorFaults } from './simulator-faults.ts'
import type { InjectorTarget } from './target.ts'

/**
 * Everything that can be done to a system. Each fault is in the one fault log before it begins,
 * and again when it is over. What names no process, link or setting of the system throws.
 */
export type Injector = ProcessVerbs &
  PartVerbs &
  SimulatorFaults &
  LinkVerbs &
  Readonly<{
    /** Everything back to rest, and ready. Says what it did, one line for each thing. */
    healAll: () => Promise<readonly string[]>
  }>

/** Opens nothing: it asks the supervisor, the fault proxy and the outside parties when used. */
export function openInjector(target: InjectorTarget): Injector {
  const verbs = {
    ...breakProcesses(target),
    ...breakParts(target),
    ...openSimulatorFaults(target.simulatorUrl),
    ...breakLinks(target.faults),
  }
  return { ...verbs, healAll: () => healSystem(target, verbs) }
}
