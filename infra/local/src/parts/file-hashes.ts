import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

/**
 * Compares a directory of fetched files with a list in the form of `sha256sum`, before any of them is used.
 * @throws naming each file that is missing, that has another content, or that is not in the list
 */
export async function requireHashes(directory: string, list: string): Promise<void> {
  const lines = (await readFile(list, 'utf8')).split('\n').filter(line => /^[^#]/.test(line))
  const expected = new Map(lines.map(line => [line.slice(66), line.slice(0, 64)]))
  const names = await readdir(directory)
  const absent = [...expected.keys()].filter(name => !names.includes(name))
  const mistakes = absent.map(name => `${name} is missing`)
  for (const name of names) {
    const hash = expected.get(name)
    if (hash === undefined) mistakes.push(`${name} is not expected`)
    else if (hash !== (await hashOf(join(directory, name)))) {
      mistakes.push(`${name} has another SHA-256`)
    }
  }
  if (mistakes.length === 0) return
  throw new Error(
    `what was fetched differs from ${basename(list)}: ${mistakes.join(', ')}; fetch it from another repository`,
  )
}

async function hashOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex')
}
