import { finality } from '@nightshift/contracts/payment-finality'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Queryable } from '@nightshift/runtime/postgres'
import type { Payment } from '../domain/payment.ts'
import type { PaymentClaim } from '../flows/take-payment.ts'
import type { NewPayment } from './claim-payments.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

type KeyedWish = Pick<NewPayment, 'tenantId' | 'key' | 'keyHash' | 'fingerprint'>

type KeyRow = {
  fingerprint: Buffer
  response_status: number | null
  response_headers: Record<string, string> | null
  response_body: string | null
  lease_left_ms: string
}

/**
 * A key that could not be claimed belongs to somebody: says to whom, and what can be done about it.
 * Where the key has no answer or is forgotten, the payment itself says what became of it.
 */
export async function explainKey(
  db: Queryable,
  route: string,
  { tenantId, key, keyHash, fingerprint }: KeyedWish,
): Promise<PaymentClaim> {
  const row = await findKey(db, route, tenantId, key)
  if (row && !row.fingerprint.equals(fingerprint)) return { kind: 'different_request' }
  if (row && row.response_status !== null) {
    return { kind: 'finished', answer: answerOf(row, row.response_status) }
  }
  const made = await findPaymentByKey(db, tenantId, keyHash)
  if (made && !made.fingerprint.equals(fingerprint)) return { kind: 'different_request' }
  if (made && finality[made.payment.status].isAnswered) {
    return { kind: 'known', payment: made.payment }
  }
  return { kind: 'in_progress', retryAfterMs: Math.max(0, Number(row?.lease_left_ms ?? 0)) }
}

/** True if this key has been seen, so that its request is no new work. */
export async function isKeyKnown(
  db: Queryable,
  route: string,
  { tenantId, key, keyHash }: KeyedWish,
): Promise<boolean> {
  const { rows } = await db.query<{ known: boolean }>({
    name: 'is_key_known',
    text: `SELECT EXISTS (SELECT FROM idempotency_keys
               WHERE tenant_id = $1 AND route = $2 AND key = $3)
             OR EXISTS (SELECT FROM payments WHERE tenant_id = $1 AND key_hash = $4) AS known`,
    values: [tenantId, route, key, keyHash],
  })
  return rows[0]?.known ?? false
}

async function findKey(
  db: Queryable,
  route: string,
  tenantId: string,
  key: string,
): Promise<KeyRow | undefined> {
  const { rows } = await db.query<KeyRow>({
    name: 'find_payment_key',
    text: `SELECT fingerprint, response_status, response_headers, response_body,
             extract(epoch FROM leased_until - clock_timestamp()) * 1000 AS lease_left_ms
           FROM idempotency_keys WHERE tenant_id = $1 AND route = $2 AND key = $3`,
    values: [tenantId, route, key],
  })
  return rows[0]
}

async function findPaymentByKey(
  db: Queryable,
  tenantId: string,
  keyHash: Buffer,
): Promise<{ payment: Payment; fingerprint: Buffer } | undefined> {
  const { rows } = await db.query<PaymentRow & { fingerprint: Buffer }>({
    name: 'find_payment_by_key',
    text: `SELECT ${paymentColumns('p')}, p.fingerprint FROM payments p
           WHERE p.tenant_id = $1 AND p.key_hash = $2`,
    values: [tenantId, keyHash],
  })
  return rows[0] && { payment: toPayment(rows[0]), fingerprint: rows[0].fingerprint }
}

function answerOf(row: KeyRow, status: number): StoredAnswer {
  return { status, headers: row.response_headers ?? {}, body: row.response_body ?? '' }
}
