import { pathOf, placeOf } from '../place.ts'
import type { Import } from '../read-code.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Row = Readonly<{
  /**
   * The importer's workspace, or `packages/*` for every workspace below a folder. The workspace
   * `infra/simulators` is the files that the simulators share, and not the simulators.
   */
  from: string
  /** Workspaces that may be imported besides the importer's own, written like `from`. */
  mayImport: readonly string[]
  /** The only npm packages and Node modules allowed; unset: any. */
  outside?: readonly string[]
  why: string
}>

const oneWay = 'imports go one way: tools -> load-tests -> infra -> packages'

/** The importers and what they may import across packages. The first row that fits decides. */
const rows: readonly Row[] = [
  {
    from: 'services/console',
    mayImport: ['packages/*', 'infra/*', 'load-tests'],
    why: 'the console shows, breaks and judges what infra runs, and knows no other service',
  },
  {
    from: 'services/*',
    mayImport: ['packages/*'],
    why: 'services meet over HTTP and Kafka; what they share is in packages/contracts',
  },
  {
    from: 'packages/contracts',
    mayImport: [],
    outside: ['typebox'],
    why: 'contracts are schemas: their readers load nothing but typebox',
  },
  {
    from: 'packages/runtime',
    mayImport: ['packages/contracts'],
    why: 'the runtime is plumbing without opinions: patterns stand on it, never the reverse',
  },
  {
    from: 'packages/*',
    mayImport: ['packages/contracts', 'packages/runtime'],
    why: 'a package knows neither its users nor what starts it',
  },
  {
    from: 'infra/simulators/*',
    mayImport: ['infra/simulators'],
    why: 'simulators judge the system, so they share no code with it, only the files beside them',
  },
  {
    from: 'infra/simulators',
    mayImport: [],
    why: 'simulators judge the system, so what they share has no code of it',
  },
  {
    from: 'infra/faults',
    mayImport: ['packages/*', 'infra/local', 'infra/simulators'],
    why: oneWay,
  },
  {
    from: 'infra/*',
    mayImport: ['packages/*'],
    why: 'the launcher starts services by their path and knows nothing of what is inside',
  },
  {
    from: 'load-tests',
    mayImport: ['packages/*', 'infra/*', 'services/*'],
    why: oneWay,
  },
  {
    from: 'tools/*',
    mayImport: ['packages/*', 'infra/*', 'services/*', 'load-tests', 'tools/*'],
    why: oneWay,
  },
  { from: '', mayImport: [], why: 'files at the root configure tools and run nothing of ours' },
]

/** The folders that tests of any package may import: they start the real parts and a private system. */
const forTests = ['infra/local/', 'infra/faults/', 'load-tests/harness/']

/** Imports from another package that the table does not allow. */
export function packageImportViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const { workspace } = placeOf(file.path)
    const row = rows.find(({ from }) => fits(from, workspace))
    if (row === undefined) return []
    return file.code.imports
      .filter(wanted => !isAllowed(row, workspace, file, wanted))
      .map(({ specifier, line }) => ({
        rule: 'package-imports',
        file: file.path,
        line,
        message: `${specifier} may not be imported here: ${row.why}`,
      }))
  })
}

function isAllowed(row: Row, workspace: string, file: SourceFile, { specifier }: Import): boolean {
  const path = pathOf(file.path, specifier)
  if (path === undefined) return isTest(file.path) || isAllowedOutside(row, specifier)
  const target = placeOf(path).workspace
  if (target === workspace) return true
  if (isTest(file.path) && forTests.some(folder => path.startsWith(folder))) return true
  return row.mayImport.some(pattern => fits(pattern, target))
}

function fits(pattern: string, workspace: string): boolean {
  return pattern.endsWith('/*') ? workspace.startsWith(pattern.slice(0, -1)) : workspace === pattern
}

function isAllowedOutside({ outside }: Row, specifier: string): boolean {
  if (outside === undefined) return true
  return outside.some(name => specifier === name || specifier.startsWith(`${name}/`))
}
