import pg from 'pg'
import type { Movement, Records } from './movement.ts'

export type RecordSources = Readonly<{
  /** The payments database. Its role must see the rows of all tenants. */
  databaseUrl: string
  providerUrl: string
  /** The key of the provider's API. */
  secretKey: string
}>

const connectMs = 5_000
const answerMs = 60_000
const logPageLines = 1_000
/** A billion lines. The bound stops a log that would never end. */
const logPagesMax = 1_000_000

/**
 * Reads the ledger first, and then the records of the provider up to that moment. So the ledger has
 * no movement that is too new for the provider's records.
 * @throws when a record can't be read to its end
 */
export async function readRecords(sources: RecordSources): Promise<Records> {
  const ledger = await readLedger(sources.databaseUrl)
  const untilMs = Date.now()
  const providerLog = await readProviderLog(sources.providerUrl, untilMs)
  const settlement = await readSettlement(sources, untilMs)
  return { ledger, providerLog, settlement }
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

/** One row per posting and currency. The moved amount is what the provider owes us plus its fee. */
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
  // The query rejects with the same error. Without this listener the error would end the process.
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

/** The lines of the provider log at which money moved. */
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
    const answer = await getJson(url)
    const { lines, nextAfter, hasMore } = answer as {
      lines: ProviderLogLine[]
      nextAfter: number
      hasMore: boolean
    }
    movements.push(...lines.flatMap(movementOf).filter(({ atMs }) => atMs < untilMs))
    if (!hasMore || nextAfter <= after) return movements
    after = nextAfter
  }
  throw new Error(`the provider log does not end after ${logPagesMax} pages`)
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

async function readSettlement(sources: RecordSources, untilMs: number): Promise<Movement[]> {
  const to = encodeURIComponent(new Date(untilMs).toISOString())
  const answer = await getJson(`${sources.providerUrl}/settlement?to=${to}`, {
    authorization: `Bearer ${sources.secretKey}`,
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

async function getJson(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(answerMs) })
  if (!answer.ok) throw new Error(`${new URL(url).pathname} answered ${answer.status}`)
  return answer.json()
}
