import { healSystem } from './heal.ts'
import { type LinkFaults, openLinkFaults } from './link-faults.ts'
import { openPartFaults, type PartFaults } from './part-faults.ts'
import { openProcessFaults, type ProcessFaults } from './process-faults.ts'
import { openSimulatorFaults, type SimulatorFaults } from './simulator-faults.ts'
import type { InjectorTarget } from './target.ts'

/**
 * Injects and heals faults of one system. Each fault is in the fault log before it begins, and again
 * when it is over. A name that is no process, link or setting of the system throws.
 */
export type Injector = ProcessFaults &
  PartFaults &
  SimulatorFaults &
  LinkFaults &
  Readonly<{
    /** Heals everything and waits until all is ready. Answers one line for each thing it healed. */
    healAll: () => Promise<readonly string[]>
  }>

/** Opens nothing: it calls the supervisor, the fault proxy and the simulators when it is used. */
export function openInjector(target: InjectorTarget): Injector {
  const faults = {
    ...openProcessFaults(target),
    ...openPartFaults(target),
    ...openSimulatorFaults(target.simulatorUrl, target.controlToken),
    ...openLinkFaults(target.faults),
  }
  return { ...faults, healAll: () => healSystem(target, faults) }
}
