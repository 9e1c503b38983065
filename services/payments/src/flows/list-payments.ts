import type { Payment } from '../domain/payment.ts'
import type { FindPayments, PaymentFilter, PaymentPosition } from '../store/list-payments.ts'

export type ListedPayments =
  | { kind: 'page'; payments: Payment[]; nextAfter: string | undefined }
  | { kind: 'unknown_cursor' }

/** A page of a tenant's payments. It begins after the cursor that an earlier page has returned. */
export async function listPayments(
  find: FindPayments,
  filter: Omit<PaymentFilter, 'after'>,
  cursor: string | undefined,
): Promise<ListedPayments> {
  const after = cursor === undefined ? undefined : decodeCursor(cursor)
  if (cursor !== undefined && !after) return { kind: 'unknown_cursor' }
  const page = await find({ ...filter, ...(after && { after }) })
  const nextAfter = page.nextAfter && encodeCursor(page.nextAfter)
  return { kind: 'page', payments: page.payments, nextAfter }
}

const position = /^(\d{1,17}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** The cursor is opaque text, so that clients don't build cursors of their own. */
function encodeCursor({ createdMicros, paymentId }: PaymentPosition): string {
  return Buffer.from(`${createdMicros} ${paymentId}`).toString('base64url')
}

/** Undefined if the text is no cursor of ours. */
function decodeCursor(cursor: string): PaymentPosition | undefined {
  const [, createdMicros, paymentId] =
    position.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  return createdMicros && paymentId ? { createdMicros, paymentId } : undefined
}
