/** Breaks one thing of the running system on purpose, or lists what can be broken. */
import { setTimeout as sleep } from 'node:timers/promises'
import { styleText } from 'node:util'
import { type InjectedFault, injectFault } from '@nightshift/faults/injector/inject-fault'
import { describeFault, listFaults, wrapWords } from '@nightshift/faults/injector/list-faults'
import {
  attributeFlags,
  type FaultTargets,
  type Flags,
  parseFault,
  readDuration,
} from '@nightshift/faults/injector/parse-fault'
import {
  openRunningInjector,
  type RunningInjector,
} from '@nightshift/faults/injector/running-injector'
import { targetsOf } from '@nightshift/faults/injector/targets-of'
import { exitUsage, exitWith, npmCommand, parsedBy, runCommand } from '../terminal/run-command.ts'

const description = `Breaks one thing of the running system on purpose. Without a thing, lists what can be broken and
what is broken now. Each fault is written down in .nightshift/data/faults/faults.jsonl with its begin and its end. \`npm run heal\` heals it.`

const examples = `
What can be broken:
  <process> kill | restart | freeze | stop
  redis flush
  postgres kill-backend --of <service>
  <link> down
  <link> <toxic> [--stream upstream] [--toxicity 0.3] [attributes of the toxic, as options]
  <card-provider or mailbox> <setting>=<value> ...

Examples:
  npm run break -- payments-provider latency --latency 2000 --jitter 500
  npm run break -- card-provider silence=after silenceRate=0.5 --for 30s`

const overAtOnce = ['kill', 'restart', 'flush', 'kill-backend']
const forMaxMs = 3_600_000
const exitStopped = 130
const columnsUnknown = 80

export const command = npmCommand('break', description)
  .argument('[words...]', 'the thing, and what is to happen to it')
  .option(
    '--for <time>',
    'heal it again after 500ms, 10s or 2m (at most 60m), and at Ctrl-C',
    parsedBy(text => readDuration('--for', text, forMaxMs)),
  )
  .option('--json', 'one JSON document instead of lines')
  .option('--of <service>', 'the service whose session of PostgreSQL is killed')
  .option('--stream <side>', 'upstream or downstream')
  .option('--toxicity <share>', 'share of the connections that a toxic takes')
for (const flag of attributeFlags) command.option(`--${flag} <n>`, 'attribute of a toxic')
command.addHelpText('after', examples).action(exitWith(run))

if (import.meta.main) await runCommand(command)

type Options = { for?: number; json?: boolean }

async function run(
  words: readonly string[],
  { for: forMs, json = false }: Options,
): Promise<number> {
  const running = await openRunningInjector()
  const breakable = await targetsOf(running)
  if (words.length === 0) {
    await list(running, breakable, json)
    return 0
  }
  const wanted = parseFault(words, flagsOfFault(), breakable)
  if ('mistake' in wanted) {
    console.error(`${wanted.mistake}\n\`npm run break\` lists everything.`)
    return exitUsage
  }
  if (forMs !== undefined && overAtOnce.some(kind => kind === wanted.kind)) {
    console.error(`${wanted.kind} is over at once: --for has nothing to wait for.`)
    return exitUsage
  }
  const stop = new AbortController()
  const end = () => stop.abort()
  if (forMs !== undefined)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end)
  const broken = await injectFault(running.injector, wanted)
  tell(broken, forMs, json)
  if (forMs === undefined || broken.heal === undefined) return 0
  await sleep(forMs, undefined, { signal: stop.signal }).catch(() => undefined) // Ctrl-C heals too
  await broken.heal.undo()
  if (!json) console.log(`Healed ${broken.heal.thing}.`)
  return stop.signal.aborted ? exitStopped : 0
}

/** The options that say more about a fault, under the names that the person typed. */
function flagsOfFault(): Flags {
  const about = command.options.filter(({ long }) => long !== '--for' && long !== '--json')
  return Object.fromEntries(
    about.map(option => [option.name(), command.getOptionValue(option.attributeName())]),
  )
}

async function list({ target }: RunningInjector, breakable: FaultTargets, json: boolean) {
  const open = await target.faults.openFaults()
  if (json) {
    console.log(JSON.stringify({ ...breakable, open }, null, 2))
    return
  }
  const nowMs = Date.now()
  const words = open.map(fault => describeFault(fault, nowMs))
  const columns = process.stdout.columns ?? columnsUnknown
  // styleText leaves the colour out unless this is a terminal that wants it.
  const heading = (line: string) => styleText('bold', line, { stream: process.stdout })
  console.log(listFaults(breakable, words, { columns, heading }))
}

function tell({ did, shows, heal }: InjectedFault, forMs: number | undefined, json: boolean): void {
  const command = heal && `npm run heal -- ${heal.thing}`
  if (json) {
    console.log(JSON.stringify({ did, shows, heal: command }, null, 2))
    return
  }
  const later = forMs === undefined ? `To heal it: ${command}` : `Healed in ${forMs / 1000} s.`
  const lines = [did, shows, heal === undefined ? 'Nothing is left to heal.' : later]
  const columns = process.stdout.columns ?? columnsUnknown
  for (const line of lines) console.log(wrapWords(line.split(' '), columns).join('\n'))
}
