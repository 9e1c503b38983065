import patterns from '@nightshift/patterns/patterns.json' with { type: 'json' }
import { nearestNames } from '../nearest-names.ts'
import { awaitReady } from '../supervisor/await-ready.ts'
import type { ControlClient } from '../supervisor/control-client.ts'

/** The version of each pattern that a process runs, by the name of its switch. */
export type Variants = Readonly<Record<string, string>>

/** A process that has switches, and where its metrics are. */
export type SwitchedProcess<Name extends string> = Readonly<{ name: Name; operationsUrl: string }>

export type PatternSwitch<Name extends string> = Readonly<{
  client: ControlClient
  /** At the supervisor. Tests put a prefix before the names of their own processes. */
  nameOf: (name: Name) => string
  processes: readonly SwitchedProcess<Name>[]
}>

const metricsMs = 2_000
const readyMs = 30_000
const sample = /^pattern_variant\{(?=[^}]*switch="(\w+)")(?=[^}]*variant="([\w-]+)")[^}]*\} 1$/gm

/** Reads the versions from the metrics of a process. @throws when it does not answer */
export async function readVariants(operationsUrl: string): Promise<Variants> {
  const url = new URL('/metrics', operationsUrl)
  const answer = await fetch(url, { signal: AbortSignal.timeout(metricsMs) })
  const text = await answer.text()
  return Object.fromEntries([...text.matchAll(sample)].map(([, name, variant]) => [name, variant]))
}

/**
 * The pattern that a person means by its name or by the name of its switch.
 * @throws a message with the nearest names
 */
export function findPattern(name: string) {
  const wanted = patterns.find(pattern => pattern.name === name || pattern.switch === name)
  if (wanted) return wanted
  const names = patterns.map(pattern => pattern.name)
  const near = nearestNames(name, names)
  throw new Error(
    `No pattern is called ${name}. ${near.length > 0 ? `Did you mean ${near.join(', ')}?` : `There are: ${names.join(', ')}`}`,
  )
}

/**
 * Restarts every process that has this switch, one after the other, with the version that is asked for.
 * All other patterns stay as they are. A process that runs this version already is left alone.
 * @returns the processes that were restarted
 * @throws a message for a version that the pattern does not have, and when a process does not come back
 */
export async function switchPattern<Name extends string>(
  { client, nameOf, processes }: PatternSwitch<Name>,
  name: string,
  variant: string,
): Promise<Name[]> {
  const pattern = findPattern(name)
  if (!pattern.variants.includes(variant)) {
    throw new Error(`${pattern.name} is ${pattern.variants.join(', ')}, and not ${variant}.`)
  }
  const restarted: Name[] = []
  for (const { name: process, operationsUrl } of processes) {
    const variants = await readVariants(operationsUrl)
    const now = variants[pattern.switch]
    if (now === undefined || now === variant) continue
    await client.stop(nameOf(process))
    await client.start(nameOf(process), { env: { ...variants, [pattern.switch]: variant } })
    await awaitReady(client, [nameOf(process)], readyMs)
    restarted.push(process)
  }
  return restarted
}
