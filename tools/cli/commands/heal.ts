/** Heals what was broken on purpose: everything, or one thing. */

import { statusOf } from '@nightshift/faults/injector/process-faults'
import {
  openRunningInjector,
  type RunningInjector,
} from '@nightshift/faults/injector/running-injector'
import { simulatorNames, type TargetName } from '@nightshift/faults/injector/target'
import { nearestNames } from '@nightshift/local/nearest-names'
import { exitUsage, exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Heals what was broken on purpose: everything, or one thing. Without a thing: wakes and starts every process, heals every link, resets every
fault setting, and waits until all is ready.`

export const command = npmCommand('heal', description)
  .argument('[thing]', 'a process, a link, or a simulator whose settings are to be reset')
  .option('--json', 'one JSON document instead of lines')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(thing: string | undefined, { json }: { json?: boolean }): Promise<number> {
  const running = await openRunningInjector()
  const healed = thing === undefined ? await running.injector.healAll() : await heal(running, thing)
  if (healed === undefined) return exitUsage
  if (json) console.log(JSON.stringify({ healed }, null, 2))
  else console.log(healed.length === 0 ? 'Nothing was broken.' : healed.join('\n'))
  return 0
}

/** Undefined when nothing has that name; the message is written by then. */
async function heal(
  running: RunningInjector,
  thing: string,
): Promise<readonly string[] | undefined> {
  const { injector, processes } = running
  // The log of faults calls a setting card-provider/silence.
  const [name = ''] = thing.split('/')
  const known = processes.find(each => each === name)
  if (known !== undefined) return healProcess(running, known)
  const links = (await injector.listLinks()).map(link => link.name)
  if (links.includes(name)) return healLink(running, name)
  const near = nearestNames(name, [...processes, ...links])
  const names = near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'See `npm run break`.'
  console.error(`Nothing here is called ${name}. ${names}`)
  return undefined
}

async function healLink({ injector }: RunningInjector, name: string): Promise<string[]> {
  const link = (await injector.listLinks()).find(each => each.name === name)
  const healed = await injector.removeToxics(name)
  await injector.bringUp(name)
  const faults = [...(link?.enabled ? [] : ['down']), ...healed]
  return faults.length === 0 ? [] : [`healed ${name} (${faults.join(', ')})`]
}

async function healProcess(
  { injector, target }: RunningInjector,
  name: TargetName,
): Promise<string[]> {
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
