import { pathOf, placeOf } from '../place.ts'
import type { Import } from '../read-code.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Layer = {
  /** May be imported as values and as types. */
  values: readonly string[]
  /** May be imported by `import type` only. */
  types: readonly string[]
}

const contracts = '@nightshift/contracts'
const patterns = '@nightshift/patterns'
const runtime = '@nightshift/runtime'
/** The type for how a call ended: the part of the runtime that neither waits nor reads a clock. */
const outcome = '@nightshift/runtime/process/outcome'
/** The pure function that makes the body of a problem: an answer is decided in domain. */
const problem = '@nightshift/runtime/http/problem'
/** Parts of patterns that are about HTTP itself: routes use them directly. */
const httpOfPatterns = [
  '@nightshift/patterns/idempotency-key/http-answer',
  '@nightshift/patterns/webhook-hint/signature',
]

/**
 * The layers of a service, and what each may import. `./x` is a layer of the same service (a layer may
 * always import itself), `node:` is every Node module, `*` is anything. A name also allows what lies
 * below it.
 */
const layers: Readonly<Record<string, Layer>> = {
  // main.ts opens and closes resources, and the files beside it connect the layers: they see all.
  main: { values: ['*'], types: [] },

  // app.ts builds the server and does no I/O, so that a test can build it without opening anything.
  app: {
    values: ['./http', './limits', contracts, runtime, 'fastify', '@fastify', 'typebox'],
    types: ['./config', './domain', './flows', './log-events', patterns],
  },

  // A route translates HTTP to a flow and back. Its dependencies are handed in, so the store behind
  // them is a type at most.
  http: {
    values: [
      './flows',
      './domain',
      './limits',
      contracts,
      runtime,
      ...httpOfPatterns,
      'fastify',
      '@fastify',
      'typebox',
      'node:crypto',
    ],
    types: ['./store', './clients', './log-events', patterns],
  },

  // A consumer translates a record to a flow. The Kafka client stays in the runtime.
  consumers: {
    values: ['./flows', './limits', contracts, runtime, 'typebox'],
    types: ['./domain', './store', './clients', patterns],
  },

  // A job happens by itself: run() around a bounded runOnce(), which calls a flow.
  jobs: {
    values: ['./flows', './limits', contracts, runtime],
    types: ['./domain', './store', './clients', './log-events', patterns],
  },

  // A flow tells a story, and computes in sight what is committed together. What waits is handed in,
  // typed by its implementation, so that "go to definition" leads on to the SQL.
  flows: {
    values: ['./domain', './limits', contracts, outcome, 'node:assert'],
    types: [
      './store',
      './clients',
      patterns,
      `${runtime}/process/deadline`,
      `${runtime}/process/priority`,
      `${runtime}/telemetry/logger`,
    ],
  },

  // Domain functions decide what should happen. They are pure, so that tests need no waiting.
  domain: {
    values: ['./limits', contracts, outcome, problem, 'node:assert'],
    types: [patterns],
  },

  // A store knows the database. A decision that needs a locked row calls a function of domain.
  store: {
    values: ['./domain', './limits', './crash-points', contracts, runtime, patterns, 'pg', 'node:'],
    types: ['./flows'],
  },

  // A client knows an outside party. It decides as little as a store does.
  clients: {
    values: [
      './limits',
      './crash-points',
      contracts,
      runtime,
      patterns,
      'typebox',
      'nodemailer',
      'node:',
    ],
    types: ['./domain', './flows'],
  },

  // Reconciliation compares the ledger with the provider. A command runs it, not the service.
  reconciliation: { values: ['pg'], types: [] },

  // The configuration is a schema. Only main.ts reads the environment.
  config: { values: ['./limits', contracts, runtime, 'typebox'], types: [patterns] },

  // The limits are numbers and the relations between them.
  limits: { values: [`${patterns}/load-shedding/entrance-relations`], types: [patterns] },

  // Closed lists: the places at which the process can be ended, and the words of its log.
  'crash-points': { values: [runtime], types: [] },
  'log-events': { values: [], types: [runtime, patterns] },
}

/** Imports inside a service that its layer may not have. */
export function layerViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const name = layerOf(file.path)
    if (name === undefined || isTest(file.path)) return []
    const layer = layers[name]
    if (layer === undefined) return [violation(file, 1, `there is no layer called ${name}/`)]
    return file.code.imports
      .map(wanted => ({ wanted, refusal: refuse(name, layer, file, wanted) }))
      .filter(({ refusal }) => refusal !== undefined)
      .map(({ wanted, refusal }) => violation(file, wanted.line, refusal ?? ''))
  })
}

function refuse(name: string, layer: Layer, file: SourceFile, wanted: Import): string | undefined {
  const target = nameTarget(file.path, wanted.specifier)
  if (target === `./${name}` || allows(layer.values, target)) return undefined
  if (!allows(layer.types, target)) return `${name} may not import ${target}`
  if (wanted.kind === 'type' || wanted.kind === 'type re-export') return undefined
  return `${name} may import ${target} only by "import type"`
}

/** The layer of a service that a path lies in, or nothing outside of the services' src. */
function layerOf(path: string): string | undefined {
  const { workspace, inside } = placeOf(path)
  const [top, second = '', ...deeper] = inside.split('/')
  if (!workspace.startsWith('services/') || top !== 'src') return undefined
  // The console owns nothing: it has no flows, and its parts are what it looks at and what it shows.
  if (workspace === 'services/console') return undefined
  if (deeper.length > 0) return second
  const own = second.replace(/\.ts$/, '')
  return own in layers && own !== 'main' ? own : 'main'
}

/** The form in which the table names a target: its layer inside the same service, else as written. */
function nameTarget(importer: string, specifier: string): string {
  const path = specifier.startsWith('.') ? pathOf(importer, specifier) : undefined
  const layer = path === undefined ? undefined : layerOf(path)
  return layer === undefined ? specifier : `./${layer}`
}

function allows(names: readonly string[], target: string): boolean {
  return names.some(
    name =>
      name === '*' ||
      name === target ||
      target.startsWith(`${name}/`) ||
      (name.endsWith(':') && target.startsWith(name)),
  )
}

function violation(file: SourceFile, line: number, message: string): Violation {
  return { rule: 'layers', file: file.path, line, message }
}
