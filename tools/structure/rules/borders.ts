import type { Import } from '../imports.ts'
import { type Place, pathOf, placeOf } from '../place.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Border = {
  from: (place: Place) => boolean
  /** Folders that may be imported besides the importer's own workspace. */
  mayImport: readonly string[]
  /** The only npm packages and Node modules allowed; unset: any. */
  outside?: readonly string[]
  why: string
}

/** Who may import whom across workspaces. The first row that fits decides. */
const borders: readonly Border[] = [
  {
    from: place => place.kind === 'service',
    mayImport: ['packages'],
    why: 'services meet over HTTP and Kafka; what they share is in packages/contracts',
  },
  {
    from: place => place.kind === 'package' && place.name === 'contracts',
    mayImport: [],
    outside: ['typebox'],
    why: 'contracts are schemas: whoever reads them loads nothing but typebox',
  },
  {
    from: place => place.kind === 'package' && place.name === 'runtime',
    mayImport: ['packages/contracts'],
    why: 'the runtime is plumbing without opinions: patterns stand on it, never the reverse',
  },
  {
    from: place => place.kind === 'package',
    mayImport: ['packages/contracts', 'packages/runtime'],
    why: 'a package knows neither who uses it nor what starts it',
  },
  {
    from: place => place.kind === 'simulator',
    mayImport: [],
    why: 'the simulators are judges, and a judge shares no code with the judged',
  },
  {
    from: place => place.kind === 'infra' && place.name === 'faults',
    mayImport: ['packages', 'infra/local', 'infra/simulators'],
    why: 'imports go one way: tools -> load-tests -> infra/faults -> infra/local -> packages',
  },
  {
    from: place => place.kind === 'infra' && place.name === 'observability',
    mayImport: ['packages'],
    why: 'imports go one way: tools -> load-tests -> infra -> packages',
  },
  {
    from: place => place.kind === 'infra',
    mayImport: ['packages'],
    why: 'the launcher starts services by their path and knows nothing of what is inside',
  },
  {
    from: place => place.kind === 'elsewhere' && place.name === 'load-tests',
    mayImport: ['packages', 'infra', 'services'],
    why: 'imports go one way: tools -> load-tests -> infra -> packages',
  },
]

/** What the tests of any package may import: it starts the real parts, and a private system, for them. */
const harness = ['infra/local/', 'infra/faults/', 'load-tests/harness/']

/** Imports that cross a border between workspaces that nobody may cross. */
export function borderViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const place = placeOf(file.path)
    const border = borders.find(({ from }) => from(place))
    if (border === undefined) return []
    return file.shape.imports
      .filter(wanted => !mayCross(border, place, file, wanted))
      .map(({ specifier, line }) => ({
        rule: 'borders',
        file: file.path,
        line,
        message: `${specifier} may not be imported here: ${border.why}`,
      }))
  })
}

function mayCross(border: Border, place: Place, file: SourceFile, wanted: Import): boolean {
  const path = pathOf(file.path, wanted.specifier)
  if (path === undefined) return isTest(file.path) || isAllowedOutside(border, wanted.specifier)
  const target = placeOf(path)
  if (target.kind === place.kind && target.name === place.name) return true
  if (isTest(file.path) && harness.some(folder => path.startsWith(folder))) return true
  return border.mayImport.some(folder => path.startsWith(`${folder}/`))
}

function isAllowedOutside({ outside }: Border, specifier: string): boolean {
  if (outside === undefined) return true
  return outside.some(name => specifier === name || specifier.startsWith(`${name}/`))
}
