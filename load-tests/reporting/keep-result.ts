import { mkdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { readIfThere } from '@nightshift/local/read-if-there'
import { repoRoot } from '@nightshift/local/system/state'
import { writeWhole } from '@nightshift/local/write-whole'

/** One file for each result, in the format of `result.schema.json`. */
export const resultsDir = join(repoRoot, 'load-tests/results')

const readableByAll = 0o644
const shortHashLength = 7

type Measured = Readonly<{ name: string; dirty: boolean }>

/** The fields of a committed result that a new run is compared with before it may replace it. */
type Kept = Readonly<{
  command: string
  commit: string
  date: string
  arms: Readonly<Record<string, Readonly<{ rounds: readonly unknown[] }>>>
}>

/** How much a run measures. `seconds` is the time of each arm of a round, where a run has one. */
export type RunSize = Readonly<{ rounds: number; seconds?: number; short: boolean }>

/**
 * Checks before a run that its result may be written: the run may take an hour. A partial run never
 * replaces a whole one, because the pages quote the whole one.
 * @throws naming the larger result, or the flag that makes the run partial
 */
export async function assertMayWrite(
  name: string,
  { rounds, seconds, short, dir = resultsDir }: RunSize & { dir?: string },
): Promise<void> {
  if (short)
    throw new Error('--write keeps a whole run, and --short is not whole: leave one of them out.')
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
 * Writes a result if the caller asked for that.
 * @returns a sentence for the person: what was replaced, or how to keep the result
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
  const dirty =
    'It is marked as dirty, because the working tree had changes; the tests refuse such a result.'
  return `Wrote ${shown(file)}${over ?? ''}.${result.dirty ? ` ${dirty}` : ''}`
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readIfThere(file)
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as Kept
  } catch (cause) {
    throw new Error(`${shown(file)} is not JSON; repair it or delete it.`, { cause })
  }
}

function fileOf(name: string, dir: string): string {
  return join(dir, `${name}.json`)
}

/** The path from the root of the repository, where people type commands. */
function shown(file: string): string {
  const path = relative(repoRoot, file)
  return path.startsWith('..') ? file : path
}
