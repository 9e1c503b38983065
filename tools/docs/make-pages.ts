import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { crashPoints } from '@nightshift/load-tests/harness/crash-points'
import { serviceNames } from '@nightshift/local/system/secrets'
import { repoRoot } from '@nightshift/local/system/state'
import { isCode, isTest, readRepository } from '@nightshift/structure/source-tree'
import { crashPointsPage, findCrashPoints, servicesLoading } from './crash-points.ts'
import { renewFigures } from './figures.ts'
import { renewLineLinks } from './links-to-lines.ts'
import { type Page, readPages, readResult, readText } from './read-pages.ts'
import { readmeWithResults } from './results-table.ts'
import { openServiceApp } from './service-apps.ts'

/** Writes every page, or part of a page, that is made from the code and from the results. */
export async function writePages(): Promise<string[]> {
  const pages = await makePages()
  for (const [path, content] of pages) {
    await mkdir(dirname(join(repoRoot, path)), { recursive: true })
    await writeFile(join(repoRoot, path), content)
  }
  return [...pages.keys()]
}

/** The pages that differ from what the code and the results would make of them. */
export async function stalePages(): Promise<string[]> {
  const stale: string[] = []
  for (const [path, content] of await makePages()) {
    const committed = await readFile(join(repoRoot, path), 'utf8').catch(() => '')
    if (committed !== content) stale.push(path)
  }
  return stale
}

/** Content by the path from the root. */
async function makePages(): Promise<Map<string, string>> {
  const pages = new Map<string, string>()
  for (const name of serviceNames) {
    await using app = await openServiceApp(name)
    pages.set(`docs/reference/${name}.openapi.json`, `${JSON.stringify(app.swagger(), null, 2)}\n`)
  }
  pages.set('docs/reference/crash-points.md', makeCrashPointsPage())
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

/** @throws when the list of labels and the code disagree */
function makeCrashPointsPage(): string {
  const program = readRepository().filter(
    ({ path }) => /^(services|packages)\/[^/]+\/src\//.test(path) && isCode(path) && !isTest(path),
  )
  return crashPointsPage(findCrashPoints(crashPoints, program, servicesLoading(program)))
}
