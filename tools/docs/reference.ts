import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buildApp as buildListings } from '@nightshift/listings/app'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { repoRoot } from '@nightshift/local/system/state'
import { buildApp as buildNotifications } from '@nightshift/notifications/app'
import { buildApp as buildPayments } from '@nightshift/payments/app'
import { crashPointsPage, findCrashPoints } from './crash-points.ts'
import { type Page, renewFigures } from './figures.ts'
import { renewLineLinks } from './line-links.ts'
import { nothingBehind } from './nothing-behind.ts'
import { readPages, readResult, readText } from './read-pages.ts'
import { loadedBy, readProgram } from './read-program.ts'
import { readmeWithResults } from './results-table.ts'

/** What is made from the code and from the results: path from the root, and content. */
async function makePages(): Promise<Map<string, string>> {
  const services = {
    payments: buildPayments,
    listings: buildListings,
    notifications: buildNotifications,
  } as const
  const pages = new Map<string, string>()
  for (const [name, build] of Object.entries(services)) {
    const app = await build(nothingBehind(name) as never)
    await app.ready()
    pages.set(`docs/reference/${name}.openapi.json`, `${JSON.stringify(app.swagger(), null, 2)}\n`)
    await app.close()
  }
  pages.set('docs/reference/crash-points.md', await makeCrashPointsPage())
  for (const page of readPages()) {
    const text = renewed(page)
    if (text !== page.text) pages.set(page.path, text)
  }
  const readme = { path: 'README.md', text: await readmeWithResults() }
  pages.set(readme.path, renewed(readme))
  return pages
}

function renewed({ path, text }: Page): string {
  return renewLineLinks({ path, text: renewFigures({ path, text }, readResult) }, readText)
}

async function makeCrashPointsPage(): Promise<string> {
  const program = await readProgram()
  return crashPointsPage(findCrashPoints(crashPoints, program, loadedBy(program)))
}

/** Writes the pages, or with `--check` says which differ from the code and exits with 1. */
async function run(check: boolean): Promise<number> {
  const pages = await makePages()
  if (!check) {
    await mkdir(join(repoRoot, 'docs/reference'), { recursive: true })
    for (const [file, content] of pages) await writeFile(join(repoRoot, file), content)
    console.log(`Written: ${[...pages.keys()].join(', ')}`)
    return 0
  }
  const stale: string[] = []
  for (const [file, content] of pages) {
    const committed = await readFile(join(repoRoot, file), 'utf8').catch(() => '')
    if (committed !== content) stale.push(file)
  }
  if (stale.length === 0) return 0
  console.error(`Not what the code and the results say: ${stale.join(', ')}. Run \`npm run docs\`.`)
  return 1
}

if (import.meta.main) process.exitCode = await run(process.argv.includes('--check'))
