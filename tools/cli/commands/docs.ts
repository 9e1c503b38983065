/** Writes the reference pages again; `-- --check` only compares. */
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { runTool } from '../terminal/run-tool.ts'

if (import.meta.main) {
  const reference = join(repoRoot, 'tools/docs/reference.ts')
  process.exitCode = await runTool(process.execPath, [reference, ...process.argv.slice(2)])
}
