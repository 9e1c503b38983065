/** Builds the page of the console, unless it is up to date. */
import { createHash } from 'node:crypto'
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere } from '@nightshift/local/read-if-there'
import { build } from 'vite'

const folder = join(import.meta.dirname, '..')
const pageDir = join(folder, 'dist')
const hashName = 'sources.sha256'
const hashFile = join(pageDir, hashName)
const sourceFolders = ['web', 'src']

/** Builds into `dist`. A page whose sources have not changed is not built again. */
async function buildPage(): Promise<void> {
  const hash = await hashOfSources()
  if ((await readIfThere(hashFile)) === hash) return
  // Two consoles may start at once: each builds in a folder of its own, and the first one that is done wins.
  const outDir = `${pageDir}.${process.pid}`
  await build({
    root: join(folder, 'web'),
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: { outDir, emptyOutDir: true, reportCompressedSize: false },
  })
  await writeFile(join(outDir, hashName), hash)
  if ((await readIfThere(hashFile)) !== hash) {
    await rm(pageDir, { recursive: true, force: true })
    await rename(outDir, pageDir).catch(async error => {
      if ((await readIfThere(hashFile)) !== hash) throw error
    })
  }
  await rm(outDir, { recursive: true, force: true })
}

async function hashOfSources(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of sourceFolders) {
    const entries = await readdir(join(folder, source), { recursive: true, withFileTypes: true })
    const files = entries.filter(entry => entry.isFile())
    for (const path of files.map(({ parentPath, name }) => join(parentPath, name)).toSorted()) {
      hash.update(path).update(await readFile(path))
    }
  }
  return hash.digest('hex')
}

if (import.meta.main) await buildPage()
