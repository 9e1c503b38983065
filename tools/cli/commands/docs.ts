/** Writes the reference pages again; `-- --check` only compares. */
import { stalePages, writePages } from '../../docs/make-pages.ts'
import { runCommandLine } from '../terminal/command-line.ts'

const help = 'Usage: npm run docs [-- --check]'

if (import.meta.main) {
  const options = { check: { type: 'boolean' } } as const
  await runCommandLine({ help, options, run }, process.argv.slice(2))
}

async function run({ check }: { check?: string | boolean }): Promise<number> {
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
