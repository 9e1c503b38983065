import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { readIfThere } from '@nightshift/local/read-if-there'
import { repoRoot } from '@nightshift/local/system/state'
import { writeWhole } from '@nightshift/local/write-whole'

/** Where everything that was measured is kept: one file each, of the form of result.schema.json. */
export const resultsDir = join(repoRoot, 'load-tests/results')

const readableByAll = 0o644
const shortHashLength = 7

type Measured = Readonly<{ name: string; dirty: boolean }>

/** What a new run is compared with before it may take the place of an old one. */
type Kept = Readonly<{
  command: string
  commit: string
  date: string
  arms: Readonly<Record<string, Readonly<{ rounds: readonly unknown[] }>>>
}>

/** How much a run measures. `seconds` of each arm of a round, where the run has that. */
export type RunSize = Readonly<{ rounds: number; seconds?: number; short: boolean }>

/**
 * Looks before a run whether its results may be written, because afterwards is too late: it may have
 * taken an hour. A partial run never replaces a whole one, since every page quotes the whole one.
 * @throws naming the result that is larger, or the switch that makes the run partial
 */
export async function assertMayWrite(
  name: string,
  { rounds, seconds, short, dir = resultsDir }: RunSize & { dir?: string },
): Promise<void> {
  if (short)
    throw new Error('--write keeps a whole run, and --short is none: leave one of them out.')
  const file = fileOf(name, dir)
  const kept = await readKept(file)
  if (kept === undefined) return
  const refuse = (what: string, has: number, asked: number) => {
    const less = `${shown(file)} has ${has} ${what}, and this run asks for ${asked}.`
    throw new Error(`${less} With --write it needs at least as many.`)
  }
  const roundsKept = Math.max(0, ...Object.values(kept.arms).map(arm => arm.rounds.length))
  if (rounds < roundsKept) refuse('rounds', roundsKept, rounds)
  const secondsKept = Number(/--seconds (\d+)/.exec(kept.command)?.[1] ?? 0)
  if (seconds !== undefined && seconds < secondsKept) refuse('seconds', secondsKept, seconds)
}

/**
 * Writes what was measured under its name when the person asked for that. Answers what to tell them:
 * what was written over what, or how to keep it.
 */
export async function keepResult(
  result: Measured,
  { write, dir = resultsDir }: { write: boolean; dir?: string },
): Promise<string> {
  const file = fileOf(result.name, dir)
  const before = await readKept(file)
  if (!write) {
    const state = before === undefined ? 'was not written' : 'is as it was'
    return `${shown(file)} ${state}; \`--write\` keeps a whole run there.`
  }
  await mkdir(dir, { recursive: true })
  await writeWhole(file, `${JSON.stringify(result, null, 2)}\n`, readableByAll)
  const over =
    before && `, over that of ${before.commit.slice(0, shortHashLength)} (${before.date})`
  const dirty = 'It is marked as dirty, because the tree had changes; no test takes such a result.'
  return `Wrote ${shown(file)}${over ?? ''}.${result.dirty ? ` ${dirty}` : ''}`
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Kept
  } catch (cause) {
    throw new Error(`${shown(file)} is no JSON; put it right or delete it.`, { cause })
  }
}

function fileOf(name: string, dir: string): string {
  return join(dir, `${name}.json`)
}

/** The path from the root of the repository, where commands are typed. */
function shown(file: string): string {
  const path = relative(repoRoot, file)
  return path.startsWith('..') ? file : path
}
