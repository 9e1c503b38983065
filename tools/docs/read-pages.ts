import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repoRoot } from '@nightshift/local/system/state'
import { readRepository } from '@nightshift/structure/source-tree'

/** A page by its path from the root. */
export type Page = Readonly<{ path: string; text: string }>

/** The content of a file of results by its path from the root; undefined when there is none. */
export type ReadResult = (path: string) => unknown

/** The text of a file by its path from the root; undefined when there is none. */
export type ReadText = (path: string) => string | undefined

/** Every page that a person wrote. The reference is generated, so it is not among them. */
export function readPages(): Page[] {
  return readRepository().filter(
    ({ path }) => path.endsWith('.md') && !path.startsWith('docs/reference/'),
  )
}

/** Reads a result of the repository. */
export const readResult: ReadResult = path => {
  const file = join(repoRoot, path)
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
}

/** Reads a file of the repository. */
export const readText: ReadText = path => {
  const file = join(repoRoot, path)
  const isFile = statSync(file, { throwIfNoEntry: false })?.isFile()
  return isFile ? readFileSync(file, 'utf8') : undefined
}
