import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ModuleShape, shapeOf } from './imports.ts'
import { scan, type Token } from './scan.ts'

export type SourceFile = Readonly<{
  /** From the root of the tree, with forward slashes. */
  path: string
  text: string
  /** Empty for what is not TypeScript or JavaScript. */
  tokens: readonly Token[]
  shape: ModuleShape
}>

const foldersLeftOut = new Set(['node_modules', '.git', '.nightshift', '.turbo', 'coverage'])
const codeEndings = ['.ts', '.mjs']
const textEndings = ['.md', '.sql', '.yml', '.yaml', '.json']

/** Every text file below the root that a person wrote, in the order of their paths. */
export function readSourceTree(root: string, leaveOut: readonly string[] = []): SourceFile[] {
  return listFiles(root, '', new Set(leaveOut))
    .filter(path => [...codeEndings, ...textEndings].some(ending => path.endsWith(ending)))
    .map(path => sourceFile(path, readFileSync(join(root, path), 'utf8')))
}

/** One file of a tree, from memory: tests use it for trees too small for the disk. */
export function sourceFile(path: string, text: string): SourceFile {
  const tokens = isCode(path) ? scan(text) : []
  return { path, text, tokens, shape: shapeOf(tokens) }
}

export function isCode(path: string): boolean {
  return codeEndings.some(ending => path.endsWith(ending))
}

/** Tests may reach where the program may not: into the harness that starts the real parts. */
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
