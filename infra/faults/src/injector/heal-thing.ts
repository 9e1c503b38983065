import { nearestNames } from '@nightshift/local/nearest-names'
import type { Injector } from './injector.ts'
import type { Mistake } from './parse-fault.ts'
import { statusOf } from './process-faults.ts'
import { type InjectorTarget, simulatorNames, type TargetName } from './target.ts'

type Running = Readonly<{
  injector: Injector
  target: InjectorTarget
  processes: readonly TargetName[]
}>

/**
 * Heals one thing: a process, a link, or the settings of a simulator. The log of faults calls a setting
 * `card-provider/silence`, and that name is understood, too.
 * @returns one line for each thing that was healed, or why nothing has that name
 */
export async function healThing(
  running: Running,
  thing: string,
): Promise<readonly string[] | Mistake> {
  const { injector, processes } = running
  const [name = ''] = thing.split('/')
  const known = processes.find(each => each === name)
  if (known !== undefined) return healProcess(running, known)
  const links = (await injector.listLinks()).map(link => link.name)
  if (links.includes(name)) return healLink(running, name)
  const near = nearestNames(name, [...processes, ...links])
  const names = near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'See `npm run break`.'
  return { mistake: `Nothing here is called ${name}. ${names}` }
}

async function healLink({ injector }: Running, name: string): Promise<string[]> {
  const link = (await injector.listLinks()).find(each => each.name === name)
  const healed = await injector.removeToxics(name)
  await injector.bringUp(name)
  const faults = [...(link?.enabled ? [] : ['down']), ...healed]
  return faults.length === 0 ? [] : [`healed ${name} (${faults.join(', ')})`]
}

async function healProcess({ injector, target }: Running, name: TargetName): Promise<string[]> {
  const done: string[] = []
  const { state } = await statusOf(target, name)
  if (state === 'stopped') {
    await injector.start(name)
    done.push(`started ${name}`)
  } else if ((await injector.thaw(name)).wasFaulty) {
    done.push(`thawed ${name}`)
  }
  const simulator = simulatorNames.find(each => each === name)
  const reset = simulator === undefined ? [] : await injector.resetSettings(simulator)
  if (reset.length > 0) done.push(`reset the settings of ${name} (${reset.join(', ')})`)
  return done
}
