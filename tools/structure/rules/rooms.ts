import type { Import } from '../imports.ts'
import { pathOf, placeOf } from '../place.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Room = {
  /** May be imported as values and as types. */
  values: readonly string[]
  /** May be imported by `import type` only. */
  types: readonly string[]
}

const contracts = '@nightshift/contracts'
const patterns = '@nightshift/patterns'
const runtime = '@nightshift/runtime'
/** How a call ended: the part of the runtime that neither waits nor looks at a clock. */
const outcome = '@nightshift/runtime/process/outcome'
/** What makes HTTP answers and checks of the patterns: routes use these as they are. */
const httpOfPatterns = [
  '@nightshift/patterns/idempotency-key/http-answer',
  '@nightshift/patterns/webhook-hint/signature',
]

/**
 * Who may import what inside a service. `./x` is a room of the same service (and always open to
 * itself), `node:` every Node module, `*` anything. A name also opens what lies below it.
 */
const rooms: Readonly<Record<string, Room>> = {
  // Opens, wires and closes, so it sees everything. Files beside main.ts are part of it.
  main: { values: ['*'], types: [] },

  // Builds the server and does no I/O: it can be tested without opening anything.
  app: {
    values: ['./http', './limits', contracts, runtime, 'fastify', '@fastify', 'typebox'],
    types: ['./config', './domain', './flows', './log-events', patterns],
  },

  // Translates HTTP to a flow and back. A route is handed what it calls, so the store behind it is
  // a type at most.
  http: {
    values: [
      ...['./flows', './limits', contracts, runtime, ...httpOfPatterns],
      ...['fastify', '@fastify', 'typebox', 'node:crypto'],
    ],
    types: ['./domain', './store', './clients', './log-events', patterns],
  },

  // Translates a record to a flow. The Kafka client stays in the runtime, behind a narrow port.
  consumers: {
    values: ['./flows', './limits', contracts, runtime, 'typebox'],
    types: ['./domain', './store', './clients', patterns],
  },

  // What happens by itself: run() around a bounded runOnce(), which calls a flow.
  jobs: {
    values: ['./flows', './limits', contracts, runtime],
    types: ['./domain', './store', './clients', './log-events', patterns],
  },

  // The story. It receives functions, so no driver, not even a driver's type, may appear in it.
  flows: {
    values: ['./domain', './limits', contracts, outcome, 'node:assert'],
    types: [
      './store',
      './clients',
      patterns,
      `${runtime}/process/deadline`,
      `${runtime}/telemetry/logger`,
    ],
  },

  // Decides what should happen. Pure, so that every case can be tested in no time.
  domain: {
    values: ['./limits', contracts, outcome, 'node:assert'],
    types: [],
  },

  // Says what the database knows. It may type itself by the flow whose functions it supplies
  // (TakePaymentDeps['claim']), but decides nothing: decisions are values of domain and flows.
  store: {
    values: ['./limits', './crash-points', contracts, runtime, patterns, 'pg', 'node:'],
    types: ['./domain', './flows'],
  },

  // Says what the outside answered; the same restraint as store.
  clients: {
    values: [
      './limits',
      './crash-points',
      contracts,
      runtime,
      patterns,
      'typebox',
      'undici',
      'nodemailer',
      'node:',
    ],
    types: ['./domain', './flows'],
  },

  // Compares the ledger with what the provider did and settled. A command runs it, not the service.
  reconciliation: { values: ['pg'], types: [] },

  // A schema. Reading the environment is main's affair.
  config: { values: ['./limits', contracts, runtime, 'typebox'], types: [patterns] },

  // Numbers and the relations between them.
  limits: { values: ['node:assert'], types: [] },

  // Closed lists: the places at which the process can be ended, and the words of its log.
  'crash-points': { values: [runtime], types: [] },
  'log-events': { values: [], types: [runtime, patterns] },
}

/** Imports inside a service from one room into another that has no listener there. */
export function roomViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(file => {
    const name = roomOf(file.path)
    if (name === undefined || isTest(file.path)) return []
    const room = rooms[name]
    if (room === undefined) return [violation(file, 1, `there is no room called ${name}/`)]
    return file.shape.imports
      .map(wanted => ({ wanted, refusal: refuse(name, room, file, wanted) }))
      .filter(({ refusal }) => refusal !== undefined)
      .map(({ wanted, refusal }) => violation(file, wanted.line, refusal ?? ''))
  })
}

function refuse(name: string, room: Room, file: SourceFile, wanted: Import): string | undefined {
  const target = nameTarget(file.path, wanted.specifier)
  if (target === `./${name}` || opens(room.values, target)) return undefined
  if (!opens(room.types, target)) return `${name} may not import ${target}`
  if (wanted.kind === 'type' || wanted.kind === 'type re-export') return undefined
  return `${name} may import ${target} only by "import type"`
}

/** Files beside main.ts with rules of their own. */
const ownRooms = ['app', 'config', 'limits', 'crash-points', 'log-events']

/** The room of a service that a path lies in, or nothing outside services' src. */
function roomOf(path: string): string | undefined {
  const { kind, inside } = placeOf(path)
  const [top, second = '', ...deeper] = inside.split('/')
  if (kind !== 'service' || top !== 'src') return undefined
  if (deeper.length > 0) return second
  const own = second.replace(/\.ts$/, '')
  return ownRooms.includes(own) ? own : 'main'
}

/** The way the table writes a target: by room inside the same service, else as it was written. */
function nameTarget(importer: string, specifier: string): string {
  const path = specifier.startsWith('.') ? pathOf(importer, specifier) : undefined
  const room = path === undefined ? undefined : roomOf(path)
  return room === undefined ? specifier : `./${room}`
}

function opens(names: readonly string[], target: string): boolean {
  return names.some(
    name =>
      name === '*' ||
      name === target ||
      target.startsWith(`${name}/`) ||
      (name.endsWith(':') && target.startsWith(name)),
  )
}

function violation(file: SourceFile, line: number, message: string): Violation {
  return { rule: 'rooms', file: file.path, line, message }
}
