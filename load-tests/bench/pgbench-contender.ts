import { databaseUrl } from '@nightshift/local/prepare/database-url'
import pg from 'pg'
import type { TestParts } from '../harness/test-parts.ts'
import { openTestSystem } from '../harness/test-system.ts'
import type { Figures } from '../reporting/figures.ts'
import type { Contender } from './contender.ts'
import { runPgbench } from './pgbench.ts'
import { databaseProcess, processorMs } from './processor-time.ts'
import { pgbenchScript } from './same-statements.ts'

export type PgbenchContender = AsyncDisposable &
  Readonly<{ run: (seconds: number) => Promise<Figures> }>

type Options = Readonly<{
  parts: TestParts
  program: string
  /** The contender whose payments pgbench copies: it writes the same number of bytes. */
  like: Contender
}>

/** More clients make two cores slower. */
const clients = 32
const warmUpSeconds = 2

/** Measures the database alone: the same statements, with one payment in each. */
export async function openPgbench({ parts, program, like }: Options): Promise<PgbenchContender> {
  const system = await openTestSystem({ parts, run: [] })
  const { pathname } = new URL(system.databaseUrl('payments'))
  const role = 'payments_worker'
  const url = databaseUrl(parts.postgresUrl, {
    database: pathname.slice(1),
    role,
    password: parts.secrets.rolePasswords[role],
  })
  const database = await databaseProcess(like.db)
  const variables = await readSample(like)
  const script = { program, url, script: pgbenchScript, variables, clients }
  await runPgbench({ ...script, seconds: warmUpSeconds })
  await analyze(system.databaseUrl('payments'))
  return {
    run: async seconds => {
      const before = await processorMs(database)
      const { perSecond, payments } = await runPgbench({ ...script, seconds })
      const after = await processorMs(database)
      if (before === undefined || after === undefined) return { perSecond }
      return { perSecond, databaseMicros: Math.round(((after - before) * 1_000) / payments) }
    },
    [Symbol.asyncDispose]: () => system[Symbol.asyncDispose](),
  }
}

/** The databases of the services are analyzed before they are measured, too. */
async function analyze(url: string): Promise<void> {
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  await admin.query('ANALYZE')
  await admin.end()
}

/** Reads a payment of the service, so that pgbench writes as many bytes. */
async function readSample({ db }: Contender): Promise<Readonly<Record<string, string>>> {
  const { rows } = await db.query<Record<'headers' | 'body' | 'payload' | 'tenant', string>>(
    `SELECT response_headers::text AS headers, response_body AS body, o.payload,
       k.tenant_id::text AS tenant
     FROM idempotency_keys k JOIN outbox o ON o.aggregate_id = k.subject_id
     WHERE response_status = 201 LIMIT 1`,
  )
  if (!rows[0]) throw new Error('there is no payment to copy')
  return rows[0]
}
