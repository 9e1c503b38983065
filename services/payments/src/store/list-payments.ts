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

/**
 * One page by keyset, so that payments added between two pages neither repeat nor hide others. Only the
 * conditions of the filter are in the statement: with one statement for all filters, the planner must
 * expect any of them, and reads all payments of the tenant for a rare status.
 */
export async function findPayments(db: Queryable, filter: PaymentFilter): Promise<PaymentPage> {
  const conditions = conditionsOf(filter)
  const values = conditions.flatMap(({ values }) => values)
  const { rows } = await db.query<PaymentRow & { created_micros: string }>({
    name: `list_payments ${conditions.map(({ name }) => name).join(' ')}`,
    text: `SELECT ${paymentColumns('p')}, ${micros('p.created_at')} AS created_micros
           FROM payments p
           WHERE ${numbered(conditions.map(({ sql }) => sql).join(' AND '))}
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

type Condition = { name: string; sql: string; values: readonly string[] }

function conditionsOf(filter: PaymentFilter): Condition[] {
  const { tenantId, status, publicationId, createdFrom, createdBefore, after } = filter
  const one = (name: string, sql: string, value: string | undefined): Condition[] =>
    value === undefined ? [] : [{ name, sql, values: [value] }]
  return [
    { name: 'tenant', sql: 'p.tenant_id = ?', values: [tenantId] },
    ...one('status', 'p.status = ?', status),
    ...one('publication', 'p.publication_id = ?', publicationId),
    ...one('from', 'p.created_at >= ?', createdFrom),
    ...one('before', 'p.created_at < ?', createdBefore),
    ...(after === undefined
      ? []
      : [
          {
            name: 'after',
            sql: `(p.created_at, p.payment_id)
              < (to_timestamp(0) + ?::bigint * interval '1 microsecond', ?)`,
            values: [after.createdMicros, after.paymentId],
          },
        ]),
  ]
}

function numbered(sql: string): string {
  let count = 0
  return sql.replaceAll('?', () => `$${++count}`)
}
