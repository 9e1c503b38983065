import type { Payment } from '../domain/payment.ts'
import { decodeCursor, encodeCursor } from '../domain/payment-cursor.ts'
import type { FindPayments, PaymentFilter } from '../store/list-payments.ts'

export type ListedPayments =
  | { kind: 'page'; payments: Payment[]; nextAfter: string | undefined }
  | { kind: 'no_such_place' }

/** A page of a tenant's payments, beginning after a place that an earlier page has named. */
export async function listPayments(
  find: FindPayments,
  filter: Omit<PaymentFilter, 'after'>,
  cursor: string | undefined,
): Promise<ListedPayments> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor)
  if (cursor !== undefined && !after) return { kind: 'no_such_place' }
  const page = await find({ ...filter, ...(after && { after }) })
  const nextAfter = page.nextAfter && encodeCursor(page.nextAfter)
  return { kind: 'page', payments: page.payments, nextAfter }
}
