/** Heals what was broken on purpose: everything, or one thing. */

import { statusOf } from '@nightshift/faults/injector/process-faults'
import {
  openRunningInjector,
  type RunningInjector,
} from '@nightshift/faults/injector/running-injector'
import { simulatorNames, type TargetName } from '@nightshift/faults/injector/target'
import { nearestNames } from '@nightshift/local/nearest-names'
import { runCommandLine } from '../terminal/command-line.ts'

const help = `Usage: npm run heal [-- <thing>] [--json]

Without a thing: wakes and starts every process, heals every link, puts every setting at rest, and
waits until all is ready.

  <thing>              a process, a link, or whose settings are to be at rest
  --json               one JSON document instead of lines`

const options = { json: { type: 'boolean' } } as const
const exitUsage = 2

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run({ json }: Values, words: readonly string[]): Promise<number> {
  const running = await openRunningInjector()
  const [thing] = words
  const healed = thing === undefined ? await running.injector.healAll() : await heal(running, words)
  if (healed === undefined) return exitUsage
  if (json) console.log(JSON.stringify({ healed }, null, 2))
  else console.log(healed.length === 0 ? 'Nothing was broken.' : healed.join('\n'))
  return 0
}

/** Undefined when nothing has that name, which has been said by then. */
async function heal(
  running: RunningInjector,
  words: readonly string[],
): Promise<readonly string[] | undefined> {
  const { injector, processes } = running
  // A setting is called card-provider/silence in the log.
  const [name = ''] = words.join(' ').split('/')
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
  const ills = [...(link?.enabled ? [] : ['down']), ...healed]
  return ills.length === 0 ? [] : [`healed ${name} (${ills.join(', ')})`]
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
  const board = simulatorNames.find(each => each === name)
  const turned = board === undefined ? [] : await injector.resetSettings(board)
  if (turned.length > 0) done.push(`reset ${name} (${turned.join(', ')})`)
  return done
}
