import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'

type Locked = {
  resolved?: string
  integrity?: string
  link?: true
  optionalDependencies?: Record<string, string>
}

const repository = join(import.meta.dirname, '../..')

describe.each(['package-lock.json', 'tools/node/package-lock.json'])('%s', path => {
  const lockfile = JSON.parse(readFileSync(join(repository, path), 'utf8'))
  const packages: Record<string, Locked> = lockfile.packages

  /**
   * npm leaves out what it cannot fetch on the machine that writes the file, and `npm ci` then
   * refuses the whole file everywhere.
   */
  test('names the optional packages of every platform, not only those of its author', () => {
    const wanted = Object.values(packages).flatMap(({ optionalDependencies = {} }) =>
      Object.keys(optionalDependencies),
    )
    const missing = [...new Set(wanted)].filter(name => !(`node_modules/${name}` in packages))
    expect(missing).toEqual([])
  })

  test('has a hash of every package, so that a registry cannot answer with another content', () => {
    const fetched = Object.entries(packages).filter(
      ([place, { link }]) => place.includes('node_modules/') && !link,
    )
    expect(fetched.length).toBeGreaterThan(0)
    const unchecked = fetched.filter(([, { integrity }]) => !integrity?.startsWith('sha512-'))
    expect(unchecked.map(([place]) => place)).toEqual([])
  })

  test('names no registry, so that everyone installs from their own', () => {
    const hosts = Object.values(packages).filter(({ resolved }) => resolved?.includes('://'))
    expect(hosts).toEqual([])
  })
})
