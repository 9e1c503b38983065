/** Mends what was broken on purpose: everything, or one thing. */

import { statusOf } from '@nightshift/faults/injector/process-faults'
import {
  openRunningNemesis,
  type RunningNemesis,
} from '@nightshift/faults/injector/running-injector'
import { type BreakableName, dialBoards } from '@nightshift/faults/injector/target'
import { nearestNames } from '@nightshift/local/nearest-names'
import { runCommandLine } from '../terminal/command-line.ts'

const help = `Usage: npm run mend [-- <thing>] [--json]

Without a thing: wakes and starts every process, heals every link, puts every dial at rest, and
waits until all is ready.

  <thing>              a process, a link, or whose dials are to be at rest
  --json               one JSON document instead of lines`

const options = { json: { type: 'boolean' } } as const
const exitUsage = 2

type Values = Readonly<Record<string, string | boolean | undefined>>

if (import.meta.main) {
  await runCommandLine({ help, options, allowPositionals: true, run }, process.argv.slice(2))
}

async function run({ json }: Values, words: readonly string[]): Promise<number> {
  const running = await openRunningNemesis()
  const [thing] = words
  const mended = thing === undefined ? await running.nemesis.mendAll() : await mend(running, words)
  if (mended === undefined) return exitUsage
  if (json) console.log(JSON.stringify({ mended }, null, 2))
  else console.log(mended.length === 0 ? 'Nothing was broken.' : mended.join('\n'))
  return 0
}

/** Undefined when nothing has that name, which has been said by then. */
async function mend(
  running: RunningNemesis,
  words: readonly string[],
): Promise<readonly string[] | undefined> {
  const { nemesis, processes } = running
  // A dial is called card-provider/silence in the log.
  const [name = ''] = words.join(' ').split('/')
  const known = processes.find(each => each === name)
  if (known !== undefined) return mendProcess(running, known)
  const links = (await nemesis.links()).map(link => link.name)
  if (links.includes(name)) return mendLink(running, name)
  const near = nearestNames(name, [...processes, ...links])
  const names = near.length > 0 ? `Did you mean ${near.join(', ')}?` : 'See `npm run break`.'
  console.error(`Nothing here is called ${name}. ${names}`)
  return undefined
}

async function mendLink({ nemesis }: RunningNemesis, name: string): Promise<string[]> {
  const link = (await nemesis.links()).find(each => each.name === name)
  const healed = await nemesis.heal(name)
  await nemesis.up(name)
  const ills = [...(link?.enabled ? [] : ['down']), ...healed]
  return ills.length === 0 ? [] : [`healed ${name} (${ills.join(', ')})`]
}

async function mendProcess(
  { nemesis, target }: RunningNemesis,
  name: BreakableName,
): Promise<string[]> {
  const done: string[] = []
  const { state } = await statusOf(target, name)
  if (state === 'stopped') {
    await nemesis.start(name)
    done.push(`started ${name}`)
  } else if ((await nemesis.thaw(name)).wasBroken) {
    done.push(`thawed ${name}`)
  }
  const board = dialBoards.find(each => each === name)
  const turned = board === undefined ? [] : await nemesis.resetDials(board)
  if (turned.length > 0) done.push(`put ${name} at rest (${turned.join(', ')})`)
  return done
}
