import type { PaymentStatus } from '@nightshift/contracts/payments-http'
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
  const { rows } = await db.query<PaymentRow & { created_micros: string }>({
    name: 'list_payments',
    text: `SELECT ${paymentColumns('p')}, ${micros('p.created_at')} AS created_micros
           FROM payments p
           WHERE p.tenant_id = $1
             AND ($2::text IS NULL OR p.status = $2)
             AND ($3::uuid IS NULL OR p.publication_id = $3)
             AND ($4::timestamptz IS NULL OR p.created_at >= $4)
             AND ($5::timestamptz IS NULL OR p.created_at < $5)
             AND ($6::bigint IS NULL OR (p.created_at, p.payment_id)
               < (to_timestamp(0) + $6::bigint * interval '1 microsecond', $7::uuid))
           ORDER BY p.created_at DESC, p.payment_id DESC LIMIT $8`,
    values: [
      filter.tenantId,
      filter.status ?? null,
      filter.publicationId ?? null,
      filter.createdFrom ?? null,
      filter.createdBefore ?? null,
      filter.after?.createdMicros ?? null,
      filter.after?.paymentId ?? null,
      // One payment more than needed shows whether there is another page.
      filter.limit + 1,
    ],
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
