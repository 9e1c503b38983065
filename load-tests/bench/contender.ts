import { waitUntil } from '@nightshift/local/wait-until'
import pg from 'pg'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/figures.ts'
import { runClosedLoop } from './closed-loop.ts'
import { paymentRequests } from './payment-requests.ts'
import { databaseProcess, processorMs } from './processor-time.ts'
import { contradictionsIn, readRowCounts } from './row-counts.ts'

export type ContenderOptions = Readonly<{
  parts: TestParts
  providerUrl: string
  /** Pattern switches on top of the usual settings of payments. */
  switches: Readonly<Record<string, string>>
}>

export type Load = Readonly<{
  connections: number
  seconds: number
  /** All requests have a key that was used before. */
  duplicates?: boolean
}>

/** A payments service on a private database, which gets requests as fast as it answers. */
export type Contender = AsyncDisposable &
  Readonly<{
    db: pg.Client
    /** @throws when the row counts contradict each other: a speed that loses data is no result */
    run: (load: Load) => Promise<Figures>
  }>

/**
 * A first load fills the tables before ANALYZE. PostgreSQL analyzes by itself only once a minute, and
 * its plan for an empty table is a sequential scan.
 */
const firstConnections = 64
const firstSeconds = 2
/** The same load runs for this long before each measurement. */
const warmUpMs = 1_000
/** All payments are those of one tenant, and its limit is not what is measured. It is asked all the same. */
const perTenantPerSecond = 100_000
/** The reconciler finishes what was begun and then refused. */
const settledMs = 60_000

export async function openContender(options: ContenderOptions): Promise<Contender> {
  const { parts, providerUrl, switches } = options
  await using undo = new AsyncDisposableStack()
  const env = {
    payments: {
      ...switches,
      CARD_PROVIDER_URL: providerUrl,
      PAYMENTS_PER_TENANT_PER_SECOND: String(perTenantPerSecond),
    },
  }
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

  const settledRowCounts = async () => {
    let contradictions: readonly string[] = []
    const isSettled = await waitUntil(async () => {
      contradictions = contradictionsIn(await readRowCounts(db), keeps)
      return contradictions.length === 0
    }, settledMs)
    if (!isSettled) throw new Error(`the tables disagree: ${contradictions.join(', ')}`)
    return readRowCounts(db)
  }

  const run = async ({ connections, seconds, duplicates = false }: Load): Promise<Figures> => {
    const before = await settledRowCounts()
    const usedBefore = await usedBy(service, database)
    const { goodPerSecond, refused, p50Ms, p99Ms } = await runClosedLoop({
      port,
      connections,
      warmUpMs,
      measureMs: seconds * 1_000,
      nextRequest: duplicates ? requests.again : requests.first,
    })
    const used = await usedBy(service, database)
    const after = await settledRowCounts()
    const made = after.payments - before.payments
    if (duplicates && made > 0) throw new Error(`${made} payments were made from used keys`)
    const answers = duplicates ? goodPerSecond * (seconds + warmUpMs / 1_000) : made
    return {
      perSecond: goodPerSecond,
      p50Ms,
      p99Ms,
      refused,
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
  const [serviceMs, databaseMs] = await Promise.all([processorMs(service), processorMs(database)])
  return { service: serviceMs, database: databaseMs ?? 0 }
}

function perEach(ms: number, count: number): number {
  return Math.round((ms * 1_000) / count)
}
