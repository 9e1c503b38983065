import { finality } from '@nightshift/contracts/payment-finality'
import { explainKey } from '@nightshift/patterns/idempotency-key/explain-key'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import type { PaymentClaim } from '../flows/take-payment.ts'
import type { NewPayment } from './claim-payments.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

type KeyedWish = Pick<NewPayment, 'tenantId' | 'key' | 'keyHash' | 'fingerprint'>

/**
 * What became of a payment whose key could not be claimed. Where the key has no answer, or is
 * forgotten, the payment itself says it.
 */
export async function explainClaim(
  db: Queryable,
  route: string,
  { tenantId, key, keyHash, fingerprint }: KeyedWish,
): Promise<PaymentClaim> {
  const said = await explainKey(db, { tenantId, route, key, fingerprint })
  if (said && said.kind !== 'in_progress') return said
  const made = await findPaymentByKey(db, tenantId, keyHash)
  if (made && !made.fingerprint.equals(fingerprint)) return { kind: 'different_request' }
  if (made && finality[made.payment.status].isAnswered) {
    return { kind: 'known', payment: made.payment }
  }
  return said ?? { kind: 'in_progress', retryAfterMs: 0 }
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
