/** Heals what was broken on purpose: everything, or one thing. */

import { healThing } from '@nightshift/faults/injector/heal-thing'
import { openRunningInjector } from '@nightshift/faults/injector/running-injector'
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
  const healed =
    thing === undefined ? await running.injector.healAll() : await healThing(running, thing)
  if ('mistake' in healed) {
    console.error(healed.mistake)
    return exitUsage
  }
  if (json) console.log(JSON.stringify({ healed }, null, 2))
  else console.log(healed.length === 0 ? 'Nothing was broken.' : healed.join('\n'))
  return 0
}
