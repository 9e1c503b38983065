import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Code, readCode } from './read-code.ts'

export type SourceFile = Readonly<{
  /** From the root of the tree, with forward slashes. */
  path: string
  text: string
  /** Parsed when it is first asked for; empty if the file is not TypeScript or JavaScript. */
  code: Code
}>

const repository = join(import.meta.dirname, '../..')
/** Fixtures break rules on purpose. */
const fixtures = 'tools/structure/fixtures'
const foldersLeftOut = new Set([
  'node_modules',
  '.git',
  '.nightshift',
  '.turbo',
  'coverage',
  'dist',
])
const codeEndings = ['.ts', '.mjs']
const textEndings = ['.md', '.sql', '.yml', '.yaml', '.json']

/** Every text file of the repository that a person wrote, in the order of their paths. */
export function readRepository(): SourceFile[] {
  return readSourceTree(repository, [fixtures, 'package-lock.json'])
}

/** Every text file below the root, in the order of their paths. */
export function readSourceTree(root: string, leaveOut: readonly string[] = []): SourceFile[] {
  return listFiles(root, '', new Set(leaveOut))
    .filter(path => [...codeEndings, ...textEndings].some(ending => path.endsWith(ending)))
    .map(path => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** One file of a tree, from memory: tests use it for trees too small for the disk. */
export function sourceFile(path: string, text: string): SourceFile {
  let code: Code | undefined
  return {
    path,
    text,
    get code() {
      code ??= readCode(path, isCode(path) ? text : '')
      return code
    },
  }
}

export function isCode(path: string): boolean {
  return codeEndings.some(ending => path.endsWith(ending))
}

/** Tests may import what the program may not: the harness that starts the real parts. */
export function isTest(path: string): boolean {
  return /\.test\.ts$|(^|\/)test\//.test(path)
}

function listFiles(root: string, folder: string, leaveOut: ReadonlySet<string>): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(entry => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`
      if (foldersLeftOut.has(entry.name) || leaveOut.has(path)) return []
      if (entry.isDirectory()) return listFiles(root, path, leaveOut)
      return entry.isFile() ? [path] : []
    })
}
