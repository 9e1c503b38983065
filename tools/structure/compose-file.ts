import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

/** The parts of a service of a Compose file that our tests look at. */
export type Container = {
  image?: string
  build?: string
  pull_policy?: string
  extends?: { file: string; service: string }
  command?: string | string[]
  environment?: Record<string, string>
  ports?: string[]
  volumes?: string[]
  tmpfs?: string[]
  restart?: string
  mem_limit?: string
  read_only?: boolean
  cap_drop?: string[]
  cap_add?: string[]
  security_opt?: string[]
  logging?: { driver: string; options: Record<string, string> }
  healthcheck?: { test: string[]; start_interval: string }
  depends_on?: Record<string, { condition: string }>
}

const repository = join(import.meta.dirname, '../..')
/** Compose replaces a list that is marked so, where it would append to it. */
const override = { tag: '!override', collection: 'seq' } as const

/** The services of a Compose file, as they are written: variables are not replaced. */
export function readComposeFile(path: string): Record<string, Container> {
  const text = readFileSync(join(repository, path), 'utf8')
  return parse(text, { merge: true, customTags: [override] }).services
}

/**
 * Replaces the variables of a value as Compose does: in each text of the parsed file, once, so that a
 * `$` in a value of `.env` stays what it is. It knows the forms that our files use.
 * @throws on any other `$`, which Compose might read in another way
 */
export function interpolate<T>(tree: T, variables: Readonly<Record<string, string>>): T {
  if (typeof tree === 'string') return interpolateText(tree, variables) as T
  if (Array.isArray(tree)) return tree.map(each => interpolate(each, variables)) as T
  if (typeof tree !== 'object' || tree === null) return tree
  const entries = Object.entries(tree).map(([name, each]) => [name, interpolate(each, variables)])
  return Object.fromEntries(entries) as T
}

function interpolateText(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$(?:\$|\{(\w+):-([^${}]*)\}|)/g, (found, name, byDefault) => {
    if (found === '$$') return '$'
    if (name === undefined) throw new Error(`an unknown form of a variable in "${text}"`)
    return variables[name] || byDefault
  })
}
