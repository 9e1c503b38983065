/**
 * Adds to package-lock.json the optional packages of other platforms that npm left out, each with its hash.
 *
 * Some registry mirrors hold the packages of a few platforms only. npm then writes a lockfile
 * without the others, and `npm ci` refuses that lockfile on every machine. Run this after each
 * `npm install` that changed it. The hash is the one that the registry names today; from then on, npm takes
 * no other content for this version.
 */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const path = 'package-lock.json'
const viewDeadlineMs = 60_000
const lockfile = JSON.parse(readFileSync(path, 'utf8'))
const packages = lockfile.packages
const platform =
  /(android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|aix|win32|windows)-(\w+)/
let added = 0

for (const parent of Object.values({ ...packages })) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const place = `node_modules/${name}`
    if (packages[place]?.integrity) continue
    const [, os, cpu] = platform.exec(name) ?? []
    // npm has the fields in this order.
    packages[place] = {
      version,
      integrity: integrityOf(name, version),
      ...(os ? { cpu: [cpu === '64' ? 'x64' : cpu] } : {}),
      ...(parent.dev ? { dev: true } : {}),
      ...(os === 'linux' ? { libc: [name.includes('musl') ? 'musl' : 'glibc'] } : {}),
      optional: true,
      ...(os ? { os: [os.replace('windows', 'win32')] } : {}),
      // What npm or an earlier run wrote stays.
      ...packages[place],
    }
    added += 1
  }
}

lockfile.packages = Object.fromEntries(
  Object.entries(packages).sort(([a], [b]) => (a < b ? -1 : 1)),
)
writeFileSync(path, `${JSON.stringify(lockfile, null, 2)}\n`)
console.log(`${path}: ${added} packages of other platforms added`)

function integrityOf(name, version) {
  const asked = ['view', `${name}@${version}`, 'dist.integrity']
  const answer = execFileSync('npm', asked, { encoding: 'utf8', timeout: viewDeadlineMs }).trim()
  if (answer.startsWith('sha512-')) return answer
  throw new Error(`the registry has no SHA-512 of ${name}@${version}; nothing was written`)
}
