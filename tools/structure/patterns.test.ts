import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readCode } from './read-code.ts'

type Pattern = {
  name: string
  switch: string
  fault: string
  files: { pattern: string; naive: string; test: string }
  page?: string
}

const repository = join(import.meta.dirname, '../..')
const home = join(repository, 'packages/patterns')
const patterns: Pattern[] = JSON.parse(readFileSync(join(home, 'patterns.json'), 'utf8'))

/** Folders that put patterns together. They have no fault of their own, and no switch. */
const compositions = ['outbound-call']

test('every folder of patterns is in the manifest, and every entry has a folder', () => {
  const folders = readdirSync(join(home, 'src'), { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => name)
    .filter(name => !compositions.includes(name))
  expect(patterns.map(({ name }) => name).toSorted()).toEqual(folders.toSorted())
})

describe.each(patterns)('$name', pattern => {
  const { name, fault, files } = pattern

  test('has its files, and its page if it names one', () => {
    const paths = [files.pattern, files.naive, files.test].map(file => join(home, file))
    if (pattern.page !== undefined) paths.push(join(repository, pattern.page))
    expect(paths.filter(path => !existsSync(path))).toEqual([])
    expect(files.pattern).toBe(`src/${name}/${name}.ts`)
    expect(files.naive).toBe(`src/${name}/naive.ts`)
  })

  test('opens with the four lines that a reader needs first', () => {
    const header = headerOf(readFileSync(join(home, files.pattern), 'utf8'))
    expect(Object.keys(header)).toEqual(['Fault', 'Without', 'With', 'Switch'])
    expect(header['Switch']).toBe(`${pattern.switch}=naive`)
    expect(header['Fault']).toContain(fault)
  })

  test('is switched by the configuration of some service', () => {
    expect(switchesOfServices()).toContain(pattern.switch)
  })
})

test('no service has a switch for a pattern that is not in the manifest', () => {
  const known = new Set(patterns.map(pattern => pattern.switch))
  expect(switchesOfServices().filter(name => !known.has(name))).toEqual([])
})

/** The lines `Name: text` of the comment that a file begins with; a text may go on below. */
function headerOf(text: string): Record<string, string> {
  const comment = /^\/\*\*\n([\s\S]*?)\*\//.exec(text)?.[1] ?? ''
  const header: Record<string, string> = {}
  let field: string | undefined
  for (const line of comment.split('\n').map(raw => raw.replace(/^ \* ?/, ''))) {
    const [, name, value] = /^(\w+):\s+(.+)$/.exec(line) ?? []
    if (name !== undefined && value !== undefined) {
      field = name
      header[name] = value
    } else if (field !== undefined && line.trim() !== '') {
      header[field] += ` ${line.trim()}`
    }
  }
  return header
}

function switchesOfServices(): string[] {
  const services = join(repository, 'services')
  return readdirSync(services)
    .map(service => join(services, service, 'src/config.ts'))
    .filter(file => existsSync(file))
    .flatMap(file => readCode(file, readFileSync(file, 'utf8')).keys)
    .map(({ text }) => text)
    .filter(key => key.startsWith('PATTERN_'))
}
