import type { TestParts } from '@nightshift/load-tests/harness/test-parts'
import { openTestSystem, type TestSystem } from '@nightshift/load-tests/harness/test-system'
import pg from 'pg'

/** The payments service and its provider, with a connection that sees all rows of all tables. */
export type OpenPayments = AsyncDisposable & Readonly<{ system: TestSystem; db: pg.Client }>

/** @param parts `inject('parts')` */
export async function openPayments(parts: TestParts): Promise<OpenPayments> {
  await using undo = new AsyncDisposableStack()
  const system = undo.use(await openTestSystem({ parts, run: ['card-provider', 'payments'] }))
  const db = new pg.Client({ connectionString: system.databaseUrl('payments') })
  await db.connect()
  undo.defer(() => db.end())
  const disposal = undo.move()
  return { system, db, [Symbol.asyncDispose]: () => disposal.disposeAsync() }
}

/** The sum of the ledger entries of one payment, by account. */
export async function ledgerOf(db: pg.Client, paymentId: string): Promise<Record<string, number>> {
  const { rows } = await db.query(
    `SELECT account, sum(amount_cents)::integer AS cents
     FROM ledger_transactions JOIN ledger_entries USING (transaction_id)
     WHERE payment_id = $1 GROUP BY account`,
    [paymentId],
  )
  return Object.fromEntries(rows.map(row => [row.account, row.cents]))
}
