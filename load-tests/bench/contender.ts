import { waitUntil } from '@nightshift/local/wait-until'
import pg from 'pg'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/spread.ts'
import { runClosedLoop } from './closed-loop.ts'
import { paymentRequests } from './payment-requests.ts'
import { databaseProcess, processorMs } from './processor-time.ts'
import { bookMistakes, readBooks } from './row-counts.ts'

export type ContenderOptions = Readonly<{
  parts: TestParts
  providerUrl: string
  /** On top of the usual settings of payments. */
  switches: Readonly<Record<string, string>>
}>

export type Load = Readonly<{
  connections: number
  seconds: number
  /** Nothing but keys that have come before. */
  duplicates?: boolean
}>

/** One payments service on a database of its own, whom requests are sent to as fast as it answers. */
export type Contender = AsyncDisposable &
  Readonly<{
    db: pg.Client
    /** @throws when the tables disagree afterwards: a speed that loses something is none */
    run: (load: Load) => Promise<Figures>
  }>

/**
 * So that the tables are not empty, and PostgreSQL knows it: it looks by itself, but once a minute,
 * and a plan for empty tables reads all of them.
 */
const firstConnections = 64
const firstSeconds = 2
/** Before each measured time, with the same load. */
const warmUpMs = 1_000
/** What was begun and refused in the middle is finished by the reconciler. */
const settledMs = 60_000

export async function openContender(options: ContenderOptions): Promise<Contender> {
  const { parts, providerUrl, switches } = options
  await using undo = new AsyncDisposableStack()
  const env = { payments: { ...switches, CARD_PROVIDER_URL: providerUrl } }
  const system = undo.use(await openTestSystem({ parts, run: ['payments'], env }))
  const db = new pg.Client({ connectionString: system.databaseUrl('payments') })
  await db.connect()
  undo.defer(() => db.end())
  const { pid: service } = await system.status('payments')
  const database = await databaseProcess(db)
  const port = Number(new URL(system.urls.payments).port)
  const requests = paymentRequests(system.apiKeys.acme ?? '')
  const keeps = {
    keys: switches['PATTERN_IDEMPOTENCY_KEY'] !== 'naive',
    outbox: switches['PATTERN_OUTBOX'] !== 'naive',
  }

  const settledBooks = async () => {
    let mistakes: readonly string[] = []
    const isSettled = await waitUntil(async () => {
      mistakes = bookMistakes(await readBooks(db), keeps)
      return mistakes.length === 0
    }, settledMs)
    if (!isSettled) throw new Error(`the tables disagree: ${mistakes.join(', ')}`)
    return readBooks(db)
  }

  const run = async ({ connections, seconds, duplicates = false }: Load): Promise<Figures> => {
    const before = await settledBooks()
    const usedBefore = await usedBy(service, database)
    const loop = await runClosedLoop({
      ...{ port, connections, warmUpMs, measureMs: seconds * 1_000 },
      nextRequest: duplicates ? requests.again : requests.first,
    })
    const used = await usedBy(service, database)
    const after = await settledBooks()
    const made = after.payments - before.payments
    if (duplicates && made > 0)
      throw new Error(`${made} payments were made from keys that had come`)
    const { goodPerSecond: perSecond, refused, p50Ms, p99Ms } = loop
    const answers = duplicates ? perSecond * (seconds + warmUpMs / 1_000) : made
    return {
      ...{ perSecond, p50Ms, p99Ms, refused },
      ...(used.service !== undefined && {
        serviceMicros: perEach(used.service - (usedBefore.service ?? 0), answers),
        databaseMicros: perEach(used.database - usedBefore.database, answers),
      }),
    }
  }

  await run({ connections: firstConnections, seconds: firstSeconds })
  await db.query('ANALYZE')
  const disposal = undo.move()
  return {
    db,
    run,
    [Symbol.asyncDispose]: () => disposal.disposeAsync(),
  }
}

async function usedBy(service: number | undefined, database: number | undefined) {
  const [ofService, ofDatabase] = await Promise.all([processorMs(service), processorMs(database)])
  return { service: ofService, database: ofDatabase ?? 0 }
}

function perEach(ms: number, count: number): number {
  return Math.round((ms * 1_000) / count)
}
