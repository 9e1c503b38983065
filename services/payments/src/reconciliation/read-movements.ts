import pg from 'pg'
import type { Books, Movement } from './movement.ts'

export type BookKeepers = Readonly<{
  /** Of the payments database, with the right to read every tenant's rows. */
  databaseUrl: string
  providerUrl: string
  secretKey: string
}>

const connectMs = 5_000
const answerMs = 60_000
const logPageLines = 1_000
/** A billion lines: more than an endless answer should be followed for. */
const logPagesMax = 1_000_000

/**
 * Reads the ledger first and then what the provider did until that moment, so that nothing is in ours
 * that could not be in theirs. @throws when any of them can not be read to its end
 */
export async function readBooks(keepers: BookKeepers): Promise<Books> {
  const ledger = await readLedger(keepers.databaseUrl)
  const untilMs = Date.now()
  const truth = await readProviderLog(keepers.providerUrl, untilMs)
  const settlement = await readSettlement(keepers, untilMs)
  return { ledger, truth, settlement }
}

type LedgerRow = {
  kind: Movement['kind']
  id: string
  paymentId: string
  refundId: string
  movedCents: number
  feeCents: number
  currency: string
  atMs: number
}

/** One row per posting and currency. What the provider owes us and what it kept is what it moved. */
const ledgerSql = `
  SELECT t.source AS kind, t.payment_id AS "paymentId",
    CASE t.source WHEN 'refund' THEN t.source_id::text ELSE '' END AS "refundId",
    coalesce(CASE t.source WHEN 'refund' THEN r.provider_refund_id ELSE p.provider_payment_id END,
      t.source || ' ' || t.source_id) AS id,
    coalesce(sum(e.amount_cents) FILTER (WHERE e.account IN ('provider_clearing', 'fees')), 0)::float8
      AS "movedCents",
    coalesce(sum(e.amount_cents) FILTER (WHERE e.account = 'fees'), 0)::float8 AS "feeCents",
    coalesce(e.currency, '') AS currency,
    (extract(epoch FROM t.posted_at) * 1000)::float8 AS "atMs"
  FROM ledger_transactions t
  LEFT JOIN ledger_entries e USING (transaction_id)
  LEFT JOIN payments p ON p.payment_id = t.payment_id
  LEFT JOIN refunds r ON t.source = 'refund' AND r.refund_id = t.source_id
  GROUP BY t.transaction_id, p.provider_payment_id, r.provider_refund_id, e.currency`

async function readLedger(databaseUrl: string): Promise<Movement[]> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    connectionTimeoutMillis: connectMs,
    query_timeout: answerMs,
  })
  // The statement in flight rejects with the same error; without a listener it would end the process.
  client.on('error', () => undefined)
  await client.connect()
  const { rows } = await client.query<LedgerRow>(ledgerSql).finally(() => client.end())
  return rows.map(({ movedCents, ...row }) => ({
    ...row,
    amountCents: row.kind === 'refund' ? -movedCents : movedCents,
  }))
}

type ProviderLogLine = {
  at: string
  type: string
  intentId: string
  refundId?: string
  amount: number
  currency: string
  metadata?: Record<string, string>
}

/** Money moved at these lines, and nowhere else. */
const kindOf: Readonly<Record<string, Movement['kind']>> = {
  'intent.succeeded': 'capture',
  'intent.captured': 'capture',
  'refund.succeeded': 'refund',
}

async function readProviderLog(providerUrl: string, untilMs: number): Promise<Movement[]> {
  const movements: Movement[] = []
  let after = 0
  for (let page = 0; page < logPagesMax; page += 1) {
    const url = `${providerUrl}/log?after=${after}&limit=${logPageLines}`
    const answer = await ask(url)
    const { lines, nextAfter, hasMore } = answer as {
      lines: ProviderLogLine[]
      nextAfter: number
      hasMore: boolean
    }
    movements.push(...lines.flatMap(movementOf).filter(({ atMs }) => atMs < untilMs))
    if (!hasMore || nextAfter <= after) return movements
    after = nextAfter
  }
  throw new Error(`the provider log of the provider does not end after ${logPagesMax} pages`)
}

function movementOf(line: ProviderLogLine): Movement[] {
  const { at, type, intentId, refundId: providerRefundId = '', amount, currency } = line
  const kind = kindOf[type]
  if (kind === undefined) return []
  const { payment_id: paymentId = '', refund_id: refundId = '' } = line.metadata ?? {}
  const id = kind === 'refund' ? providerRefundId : intentId
  const money = { amountCents: amount, currency: currency.toUpperCase() }
  const ids = { id, paymentId, refundId: kind === 'refund' ? refundId : '' }
  return [{ kind, ...ids, ...money, atMs: Date.parse(at) }]
}

type SettlementRow = {
  at: string
  type: 'charge' | 'refund'
  id: string
  intent_id: string
  gross: number
  fee: number
  currency: string
  payment_id: string
  refund_id: string
}

async function readSettlement(keepers: BookKeepers, untilMs: number): Promise<Movement[]> {
  const to = encodeURIComponent(new Date(untilMs).toISOString())
  const answer = await ask(`${keepers.providerUrl}/settlement?to=${to}`, {
    authorization: `Bearer ${keepers.secretKey}`,
    accept: 'application/json',
  })
  return (answer as { rows: SettlementRow[] }).rows.map(row => ({
    kind: row.type === 'refund' ? 'refund' : 'capture',
    id: row.type === 'refund' ? row.id : row.intent_id,
    paymentId: row.payment_id,
    refundId: row.refund_id,
    amountCents: row.type === 'refund' ? -row.gross : row.gross,
    feeCents: row.fee,
    currency: row.currency.toUpperCase(),
    atMs: Date.parse(row.at),
  }))
}

async function ask(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(answerMs) })
  if (!answer.ok) throw new Error(`${new URL(url).pathname} answered ${answer.status}`)
  return answer.json()
}
