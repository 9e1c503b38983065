import { posix } from 'node:path'

/** Where a file lives: a workspace of one kind, and a path inside it. */
export type Place = Readonly<{
  kind: 'service' | 'package' | 'stand-in' | 'infra' | 'elsewhere'
  /** The folder of the workspace. For stand-ins, which are one neighbourhood, always the same. */
  name: string
  /** For example `src/flows/take-payment.ts`. */
  inside: string
}>

/** The place of a path in the repository. */
export function placeOf(path: string): Place {
  const [top = '', name = '', ...rest] = path.split('/')
  const inside = rest.join('/')
  if (top === 'services') return { kind: 'service', name, inside }
  if (top === 'packages') return { kind: 'package', name, inside }
  if (top === 'infra') return { kind: name === 'stand-ins' ? 'stand-in' : 'infra', name, inside }
  return { kind: 'elsewhere', name: top, inside: path }
}

const workspaceFolders: Readonly<Record<string, string>> = {
  contracts: 'packages/contracts',
  patterns: 'packages/patterns',
  runtime: 'packages/runtime',
  payments: 'services/payments',
  listings: 'services/listings',
  notifications: 'services/notifications',
  faults: 'infra/faults',
  local: 'infra/local',
  structure: 'infra/structure',
  'card-provider': 'infra/stand-ins/card-provider',
  mailbox: 'infra/stand-ins/mailbox',
  'load-tests': 'load-tests',
}

/** The workspace folder of a package name; structure.test.ts holds every package.json to this. */
export function workspaceFolderOf(packageName: string): string | undefined {
  return workspaceFolders[packageName.replace('@nightshift/', '')]
}

/** The path in the repository behind an import, or nothing when it comes from outside. */
export function pathOf(importer: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return posix.join(posix.dirname(importer), specifier)
  const [scope, name = '', ...rest] = specifier.split('/')
  if (scope !== '@nightshift') return undefined
  const folder = workspaceFolderOf(name) ?? `unknown/${name}`
  // Scenarios and the auditor are two rooms of one workspace, and neither lies in a src.
  return posix.join(folder, folder === 'load-tests' ? '' : 'src', `${rest.join('/')}.ts`)
}
