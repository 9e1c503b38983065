import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { repoRoot } from '../system/state.ts'
import { writeWhole } from '../write-whole.ts'

/** Where everything that was measured is kept: one file each, of the form of result.schema.json. */
export const resultsDir = join(repoRoot, 'load-tests/results')

const readableByAll = 0o644

/** Keeps what was measured under its name, in the place of what was measured before. */
export async function writeResult(result: Readonly<{ name: string }>): Promise<void> {
  await mkdir(resultsDir, { recursive: true })
  const text = `${JSON.stringify(result, null, 2)}\n`
  await writeWhole(join(resultsDir, `${result.name}.json`), text, readableByAll)
}
