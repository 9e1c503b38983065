/** Writes the reference pages again; `-- --check` only compares. */
import { join } from 'node:path'
import { runTool } from '../run-tool.ts'
import { repoRoot } from '../system/state.ts'

if (import.meta.main) {
  const reference = join(repoRoot, 'infra/local/src/proofs/reference.ts')
  process.exitCode = await runTool(process.execPath, [reference, ...process.argv.slice(2)])
}
