/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out.
 *
 * Some registry mirrors hold the packages of a few platforms only. npm then writes a lockfile
 * without the others, and `npm ci` refuses that lockfile on every machine. Run this after each
 * `npm install` that changed it. What is added has no integrity hash: npm on that platform takes the
 * version that is named.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const path = 'package-lock.json'
const lockfile = JSON.parse(readFileSync(path, 'utf8'))
const packages = lockfile.packages
const platform =
  /(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32|windows)-(\w+)/
let added = 0

for (const parent of Object.values({ ...packages })) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    if (packages[place]) continue
    const [, os, cpu] = platform.exec(name) ?? []
    packages[place] = {
      version,
      ...(parent.dev ? { dev: true } : {}),
      optional: true,
      ...(os ? { os: [os.replace('windows', 'win32')], cpu: [cpu === '64' ? 'x64' : cpu] } : {}),
      ...(os === 'linux' ? { libc: [name.includes('musl') ? 'musl' : 'glibc'] } : {}),
    }
    added += 1
  }
}

lockfile.packages = Object.fromEntries(
  Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`)
console.log(`${path}: ${added} packages of other platforms added`)
