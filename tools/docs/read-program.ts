import { existsSync } from 'node:fs'
import { glob, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative, resolve } from 'node:path'
import { type ServiceName, serviceNames } from '@nightshift/local/system/secrets'
import { repoRoot } from '@nightshift/local/system/state'
import type { CodeFile } from './crash-points.ts'

const importOf = /^(?:import|export)\s+(?!type\b)[^'"]*?\bfrom\s+'([^']+)'/gm
const filesMax = 10_000

/** All code of services and packages that is not a test. */
export async function readProgram(): Promise<CodeFile[]> {
  const files: CodeFile[] = []
  for await (const path of glob('{services,packages}/*/src/**/*.ts', { cwd: repoRoot })) {
    if (path.endsWith('.test.ts')) continue
    files.push({ path, text: await readFile(join(repoRoot, path), 'utf8') })
  }
  return files.toSorted((a, b) => (a.path < b.path ? -1 : 1))
}

/** Which services load a file, by way of whatever they import as values, beginning at their main. */
export function loadedBy(files: readonly CodeFile[]): (path: string) => ServiceName[] {
  const textOf = new Map(files.map(({ path, text }) => [path, text]))
  const loaded = serviceNames.map(service => ({
    service,
    paths: reachedFrom(`services/${service}/src/main.ts`, textOf),
  }))
  return path => loaded.filter(({ paths }) => paths.has(path)).map(({ service }) => service)
}

function reachedFrom(main: string, textOf: ReadonlyMap<string, string>): ReadonlySet<string> {
  const reached = new Set<string>()
  const next = [main]
  while (next.length > 0 && reached.size < filesMax) {
    const path = next.pop() ?? ''
    const text = textOf.get(path)
    if (text === undefined || reached.has(path)) continue
    reached.add(path)
    for (const [, specifier = ''] of text.matchAll(importOf)) {
      const target = pathOf(path, specifier)
      if (target !== undefined) next.push(target)
    }
  }
  return reached
}

/** From the root; undefined for what is not ours. */
function pathOf(importer: string, specifier: string): string | undefined {
  const from = join(repoRoot, importer)
  const isOurs = specifier.startsWith('@nightshift/')
  if (!isOurs && !specifier.startsWith('.')) return undefined
  const file = isOurs ? createRequire(from).resolve(specifier) : resolve(dirname(from), specifier)
  return existsSync(file) ? relative(repoRoot, file) : undefined
}
