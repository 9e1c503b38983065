import { posix } from 'node:path'

/** Where a file lives: in which workspace, and where inside it. */
export type Place = Readonly<{
  /**
   * The folder of the workspace. Files beside the workspaces of a folder belong to that folder:
   * `infra/simulators` has the files that the simulators share. Empty for files at the root.
   */
  workspace: string
  /** The path inside the workspace, for example `src/flows/take-payment.ts`. */
  inside: string
}>

const workspacePattern =
  /^(?:load-tests|infra\/simulators\/[^/]+|(?:services|packages|infra|tools)\/[^/]+)(?=\/)/

/** The place of a path in the repository. */
export function placeOf(path: string): Place {
  const workspace = workspacePattern.exec(path)?.[0] ?? ''
  return { workspace, inside: workspace === '' ? path : path.slice(workspace.length + 1) }
}

const workspaceFolders: Readonly<Record<string, string>> = {
  contracts: 'packages/contracts',
  patterns: 'packages/patterns',
  runtime: 'packages/runtime',
  payments: 'services/payments',
  listings: 'services/listings',
  notifications: 'services/notifications',
  console: 'services/console',
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
