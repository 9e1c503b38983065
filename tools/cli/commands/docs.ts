/** Writes the reference pages again; `-- --check` only compares. */
import { stalePages, writePages } from '../../docs/make-pages.ts'
import { exitWith, npmCommand, runCommand } from '../terminal/run-command.ts'

const description = `Writes docs/reference from the code, and the figures and links of the pages from the results.`

const command = npmCommand('docs', description)
  .option('--check', 'write nothing; exit code 1 when a page differs from the code and the results')
  .action(exitWith(run))

if (import.meta.main) await runCommand(command)

async function run({ check }: { check?: boolean }): Promise<number> {
  if (!check) {
    console.log(`Written: ${(await writePages()).join(', ')}`)
    return 0
  }
  const stale = await stalePages()
  if (stale.length === 0) return 0
  console.error(
    `These pages differ from the code and the results: ${stale.join(', ')}. Run \`npm run docs\`.`,
  )
  return 1
}
