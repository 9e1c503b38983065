/** Switches a pattern of the running system to its naive version and back. */
import { portPlan, replicaPorts } from '@nightshift/local/ports/ports'
import { findSupervisor } from '@nightshift/local/supervisor/control-client'
import { type InstanceName, instanceNames } from '@nightshift/local/system/instances'
import {
  findPattern,
  type PatternSwitch,
  readVariants,
  switchPattern,
} from '@nightshift/local/system/pattern-switches'
import { runningPortBase, runningUrls } from '@nightshift/local/system/running-urls'
import { statePaths } from '@nightshift/local/system/state'
import patterns from '@nightshift/patterns/patterns.json' with { type: 'json' }
import { exitUsage, exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'
import { renderTable } from '../terminal/table.ts'

const description = `Restarts the services that have a pattern with another version of it: naive, a variant, or on. All other
patterns stay as they are. Without a pattern, lists them with the version that each service runs.`

const examples = `
Examples:
  npm run switch -- outbox naive
  npm run switch -- idempotency-key cache-then-charge
  npm run switch -- outbox on`

export const command = npmCommand('switch', description)
  .argument('[pattern]', 'its name or the name of its switch')
  .argument('[variant]', 'on, naive, or the name of a variant')
  .option('--json', 'one JSON document instead of lines')
  .addHelpText('after', examples)
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run(
  name: string | undefined,
  variant: string | undefined,
  { json }: { json?: boolean },
): Promise<number> {
  const system = await openSystem()
  if (name === undefined) {
    const rows = await listVariants(system)
    console.log(json ? JSON.stringify(rows, null, 2) : renderTable(rows))
    return 0
  }
  if (variant === undefined) {
    const { variants, watch } = findPattern(name)
    console.error(`Which version of ${name}? ${variants.join(', ')}\n${watch}`)
    return exitUsage
  }
  const restarted = await switchPattern(system, name, variant)
  const { watch } = findPattern(name)
  if (json) console.log(JSON.stringify({ restarted, watch }, null, 2))
  else console.log(describe(name, variant, restarted, watch))
  return 0
}

function describe(
  name: string,
  variant: string,
  restarted: readonly string[],
  watch: string,
): string {
  if (restarted.length === 0) return `${name} is ${variant} already.`
  const done = `${name} is ${variant} now at ${restarted.join(', ')}.`
  return variant === 'on' ? done : `${done}\n${watch}`
}

async function listVariants({ processes }: PatternSwitch<InstanceName>) {
  const running = await Promise.all(
    processes.map(async ({ name, operationsUrl }) => ({
      name,
      variants: await readVariants(operationsUrl),
    })),
  )
  return patterns.map(pattern => ({
    pattern: pattern.name,
    ...Object.fromEntries(
      running.map(({ name, variants }) => [name, variants[pattern.switch] ?? '']),
    ),
  }))
}

/** The instances that run, and the ports of their metrics. */
async function openSystem(): Promise<PatternSwitch<InstanceName>> {
  const urlOf = await runningUrls()
  const client = await findSupervisor(statePaths())
  if (!client) throw new Error('The system has just been stopped.')
  const base = runningPortBase(urlOf)
  const ports = { ...portPlan(base), ...replicaPorts(base) }
  const portOf: Readonly<Record<InstanceName, number>> = {
    payments: ports.paymentsOperations,
    'payments-2': ports.paymentsSecondOperations,
    listings: ports.listingsOperations,
    'listings-2': ports.listingsSecondOperations,
    notifications: ports.notificationsOperations,
    'notifications-2': ports.notificationsSecondOperations,
  }
  const known = new Set((await client.states()).map(state => state.name))
  return {
    client,
    nameOf: name => name,
    processes: instanceNames
      .filter(name => known.has(name))
      .map(name => ({ name, operationsUrl: `http://127.0.0.1:${portOf[name]}` })),
  }
}
