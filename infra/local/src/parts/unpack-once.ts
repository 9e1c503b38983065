import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { exists } from '../machine.ts'
import { syncTree } from '../write-whole.ts'

/** Longer than any fetch may take: an older draft belongs to a process that was killed. */
const abandonedAfterMs = 3_600_000

/**
 * Fills a directory next to the target and renames it, so that the target is either absent or
 * complete: its existence is the marker. Two starts at the same moment both fill, one wins.
 */
export async function unpackOnce(
  target: string,
  fill: (draft: string) => Promise<void>,
): Promise<void> {
  if (await exists(target)) return
  await removeDrafts(target, abandonedAfterMs)
  const draft = `${draftPrefix(target)}${randomUUID()}`
  await mkdir(draft, { recursive: true })
  try {
    await fill(draft)
    await syncTree(draft)
    await rename(draft, target).catch(async error => {
      if (!(await exists(target))) throw error
    })
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** Removes drafts of interrupted runs. Age 0 is for directories that have one owner. */
export async function removeDrafts(target: string, minAgeMs: number): Promise<void> {
  const parent = dirname(target)
  await mkdir(parent, { recursive: true })
  const names = await readdir(parent)
  for (const name of names.filter(name => name.startsWith(basename(draftPrefix(target))))) {
    const draft = join(parent, name)
    const age = Date.now() - (await modifiedAt(draft))
    if (age >= minAgeMs) await rm(draft, { recursive: true, force: true })
  }
}

/** A draft that vanishes while we look was renamed or removed by its owner: it counts as new. */
async function modifiedAt(path: string): Promise<number> {
  return stat(path).then(
    found => found.mtimeMs,
    () => Number.POSITIVE_INFINITY,
  )
}

function draftPrefix(target: string): string {
  return `${target}.draft-`
}
