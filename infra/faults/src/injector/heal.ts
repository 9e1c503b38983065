import { signalFamily } from '@nightshift/local/supervisor/signal-tree'
import { partNames } from '@nightshift/local/system/start-parts'
import { processNames } from '@nightshift/local/system/topology'
import type { FaultLogLine, ReportedFault } from '../control/fault-log.ts'
import type { LinkVerbs } from './link-faults.ts'
import { statusOf, untilReady } from './process-faults.ts'
import type { SimulatorFaults } from './simulator-faults.ts'
import { type BreakableName, type InjectorTarget, simulatorNames } from './target.ts'

type Verbs = Pick<LinkVerbs, 'links'> & Pick<SimulatorFaults, 'resetSettings'>

/**
 * Wakes what is paused, starts what is stopped, heals links, puts settings at rest, waits until all is
 * ready, and ends in the log what nobody else will end. Says what it did.
 */
export async function healSystem(
  target: InjectorTarget,
  { links, resetSettings }: Verbs,
): Promise<readonly string[]> {
  const { faults } = target
  const done: string[] = []
  // The fault proxy comes first: it has to write down the end of all the others.
  if (await wake(target, 'faults')) done.push('started faults')
  await untilReady(target, 'faults')
  const open = await faults.open()
  const here = await breakableNames(target)
  for (const name of here) {
    if (await wake(target, name)) done.push(`started ${name}`)
    else if (open.some(fault => isPauseOf(fault, name))) done.push(`thawed ${name}`)
  }
  // Links before readiness: a service may be unready for the want of what lies behind one.
  const hurt = (await links()).filter(({ enabled, toxics }) => !enabled || toxics.length > 0)
  for (const { name, enabled, toxics } of hurt) {
    const ills = [...(enabled ? [] : ['down']), ...toxics.map(toxic => toxic.name)]
    done.push(`healed ${name} (${ills.join(', ')})`)
  }
  if (hurt.length > 0) await faults.reset()
  for (const board of simulatorNames.filter(each => here.includes(each))) {
    await untilReady(target, board)
    const turned = await resetSettings(board)
    if (turned.length > 0) done.push(`put ${board} at rest (${turned.join(', ')})`)
  }
  await Promise.all(here.map(name => untilReady(target, name)))
  await endNotes(faults)
  return done
}

/**
 * Ends in the log what is under way there and in truth is over: what was killed by somebody who has
 * died himself, and after a start whatever was stopped or paused before.
 */
export async function endNotes(faults: InjectorTarget['faults']): Promise<void> {
  for (const fault of await faults.open()) {
    if (isNote(fault)) await faults.note({ kind: fault.kind, action: 'end', name: fault.name })
  }
}

/** What of all that can be broken this system has. */
export async function breakableNames({
  client,
  nameOf,
}: Pick<InjectorTarget, 'client' | 'nameOf'>): Promise<BreakableName[]> {
  const kept = new Set((await client.states()).map(({ name }) => name))
  return [...partNames, ...processNames].filter(name => kept.has(nameOf(name)))
}

/** Lets it go on if it is paused, by whomever. True if it was stopped, and is started now. */
async function wake(target: InjectorTarget, name: BreakableName): Promise<boolean> {
  const { state, pid } = await statusOf(target, name)
  if (pid !== undefined) await signalFamily(pid, 'SIGCONT')
  if (state === 'stopped') await target.client.start(target.nameOf(name))
  return state === 'stopped'
}

function isPauseOf(fault: FaultLogLine, name: BreakableName): boolean {
  return fault.kind === 'process' && fault.name === name && fault['signal'] === 'SIGSTOP'
}

function isNote(fault: FaultLogLine): fault is FaultLogLine & ReportedFault {
  return fault.kind !== 'toxic' && fault.kind !== 'proxy'
}
