import { posix } from 'node:path'

/** Where a file lives: a workspace of one kind, and a path inside it. */
export type Place = Readonly<{
  kind: 'service' | 'package' | 'simulator' | 'infra' | 'tool' | 'elsewhere'
  /** The folder of the workspace. For simulators, which share their log writer, always the same. */
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
  if (top === 'infra') return { kind: name === 'simulators' ? 'simulator' : 'infra', name, inside }
  if (top === 'tools') return { kind: 'tool', name, inside }
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
  observability: 'infra/observability',
  cli: 'tools/cli',
  docs: 'tools/docs',
  structure: 'tools/structure',
  'card-provider': 'infra/simulators/card-provider',
  mailbox: 'infra/simulators/mailbox',
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
  const source = folder === 'load-tests' || folder.startsWith('tools/') ? '' : 'src'
  return posix.join(folder, source, `${rest.join('/')}.ts`)
}
