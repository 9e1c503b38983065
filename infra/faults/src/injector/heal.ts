import { signalTree } from '@nightshift/local/supervisor/process-tree'
import { replicaNames } from '@nightshift/local/system/replicas'
import { partNames } from '@nightshift/local/system/start-parts'
import { processNames } from '@nightshift/local/system/topology'
import type { FaultLogLine, ReportedFault } from '../control/fault-log.ts'
import type { LinkFaults } from './link-faults.ts'
import { statusOf, untilReady } from './process-faults.ts'
import type { SimulatorFaults } from './simulator-faults.ts'
import { type InjectorTarget, simulatorNames, type TargetName } from './target.ts'

type Faults = Pick<LinkFaults, 'listLinks'> & Pick<SimulatorFaults, 'resetSettings'>

/**
 * Wakes paused processes, starts stopped ones, heals links, resets settings, waits until all is
 * ready, and ends the faults in the log that nothing else ends. Answers what it did.
 */
export async function healSystem(
  target: InjectorTarget,
  { listLinks, resetSettings }: Faults,
): Promise<readonly string[]> {
  const { faults } = target
  const done: string[] = []
  // The fault proxy comes first: it has to log the end of all other faults.
  if (await wake(target, 'faults')) done.push('started faults')
  await untilReady(target, 'faults')
  const open = await faults.openFaults()
  const names = await targetNames(target)
  for (const name of names) {
    if (await wake(target, name)) done.push(`started ${name}`)
    else if (open.some(fault => isPauseOf(fault, name))) done.push(`thawed ${name}`)
  }
  // Links come before readiness: a service may be unready because one of its links is down.
  const faulty = (await listLinks()).filter(({ enabled, toxics }) => !enabled || toxics.length > 0)
  for (const { name, enabled, toxics } of faulty) {
    const healed = [...(enabled ? [] : ['down']), ...toxics.map(toxic => toxic.name)]
    done.push(`healed ${name} (${healed.join(', ')})`)
  }
  if (faulty.length > 0) await faults.reset()
  for (const simulator of simulatorNames.filter(each => names.includes(each))) {
    await untilReady(target, simulator)
    const changed = await resetSettings(simulator)
    if (changed.length > 0) done.push(`reset ${simulator} (${changed.join(', ')})`)
  }
  await Promise.all(names.map(name => untilReady(target, name)))
  await endReportedFaults(faults)
  return done
}

/**
 * Ends the reported faults in the log that are over in truth: faults of an injector that died itself,
 * and, after a start, whatever was stopped or paused before.
 */
export async function endReportedFaults(faults: InjectorTarget['faults']): Promise<void> {
  for (const fault of await faults.openFaults()) {
    if (isReported(fault))
      await faults.report({ kind: fault.kind, action: 'end', name: fault.name })
  }
}

/** The processes that this system has; external parts are not among them. */
export async function targetNames({
  client,
  nameOf,
}: Pick<InjectorTarget, 'client' | 'nameOf'>): Promise<TargetName[]> {
  const known = new Set((await client.states()).map(({ name }) => name))
  return [...partNames, ...processNames, ...replicaNames].filter(name => known.has(nameOf(name)))
}

/** Ends a pause, whatever caused it. Answers whether the process was stopped and is started now. */
async function wake(target: InjectorTarget, name: TargetName): Promise<boolean> {
  const { state, pid } = await statusOf(target, name)
  if (pid !== undefined) await signalTree(pid, 'SIGCONT')
  if (state === 'stopped') await target.client.start(target.nameOf(name))
  return state === 'stopped'
}

function isPauseOf(fault: FaultLogLine, name: TargetName): boolean {
  return fault.kind === 'process' && fault.name === name && fault['signal'] === 'SIGSTOP'
}

function isReported(fault: FaultLogLine): fault is FaultLogLine & ReportedFault {
  return fault.kind !== 'toxic' && fault.kind !== 'proxy'
}
