import type { PaymentStatus } from '@nightshift/contracts/payments-http'
import { allOf, type Condition, when } from '@nightshift/runtime/postgres/conditions'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Payment } from '../domain/payment.ts'
import { type PaymentRow, paymentColumns, toPayment } from './payment-row.ts'

/**
 * A position in the list, newest first. It has microseconds, because a JavaScript date would cut
 * them off and skip all payments of the same millisecond.
 */
export type PaymentPosition = { createdMicros: string; paymentId: string }

export type PaymentFilter = {
  tenantId: string
  status?: PaymentStatus
  publicationId?: string
  createdFrom?: string
  createdBefore?: string
  after?: PaymentPosition
  limit: number
}

export type PaymentPage = { payments: Payment[]; nextAfter: PaymentPosition | undefined }

const micros = (column: string) => `(extract(epoch FROM ${column}) * 1000000)::bigint::text`

export type FindPayments = (filter: PaymentFilter) => Promise<PaymentPage>

/** One page by keyset, so that payments added between two pages neither repeat nor hide others. */
export async function findPayments(db: Queryable, filter: PaymentFilter): Promise<PaymentPage> {
  const { sql, values } = allOf(conditionsOf(filter))
  const { rows } = await db.query<PaymentRow & { created_micros: string }>({
    // Without a name it is planned for its values: a rare status needs another index than a common one.
    text: `SELECT ${paymentColumns('p')}, ${micros('p.created_at')} AS created_micros
           FROM payments p WHERE ${sql}
           ORDER BY p.created_at DESC, p.payment_id DESC LIMIT $${values.length + 1}`,
    // One payment more than needed shows whether there is another page.
    values: [...values, filter.limit + 1],
  })
  const shown = rows.slice(0, filter.limit)
  const last = shown.at(-1)
  const hasMore = rows.length > shown.length && last !== undefined
  return {
    payments: shown.map(toPayment),
    nextAfter: hasMore
      ? { createdMicros: last.created_micros, paymentId: last.payment_id }
      : undefined,
  }
}

function conditionsOf(filter: PaymentFilter): Condition[] {
  const { tenantId, after } = filter
  const isBehind = `(p.created_at, p.payment_id)
    < (to_timestamp(0) + ?::bigint * interval '1 microsecond', ?)`
  return [
    { sql: 'p.tenant_id = ?', values: [tenantId] },
    ...when(filter.status, 'p.status = ?'),
    ...when(filter.publicationId, 'p.publication_id = ?'),
    ...when(filter.createdFrom, 'p.created_at >= ?'),
    ...when(filter.createdBefore, 'p.created_at < ?'),
    ...(after ? [{ sql: isBehind, values: [after.createdMicros, after.paymentId] }] : []),
  ]
}
