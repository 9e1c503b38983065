import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import type { Page, ReadResult } from './figures.ts'
import type { ReadText } from './line-links.ts'

const pages = ['*.md', 'docs/**/*.md', '{infra,load-tests,packages,services,tools}/**/README.md']
const nobodysPages = /(?:^|\/)(?:node_modules|fixtures|\.nightshift)\//
/** Made from the code, whole. */
const reference = 'docs/reference/'

/** Every page that a person has written, by its path from the root. */
export function readPages(): Page[] {
  return globSync(pages, { cwd: repoRoot, exclude: path => nobodysPages.test(`${path}/`) })
    .filter(path => !path.startsWith(reference))
    .toSorted()
    .map(path => ({ path, text: readFileSync(join(repoRoot, path), 'utf8') }))
}

/** A result as it lies in the repository. */
export const readResult: ReadResult = path => {
  const file = join(repoRoot, path)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** A file as it lies in the repository. */
export const readText: ReadText = path => {
  const file = join(repoRoot, path)
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile()
  return isFile ? readFileSync(file, 'utf8') : undefined
}
