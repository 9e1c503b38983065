/**
 * A place in the list, newest first. Microseconds, because a JavaScript date would cut them off and
 * skip every payment of the same millisecond.
 */
export type PaymentPlace = { createdMicros: string; paymentId: string }

const form = /^(\d{1,17}) ([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/

/** A place in the list as text that nobody is tempted to build by hand. */
export function encodeCursor({ createdMicros, paymentId }: PaymentPlace): string {
  return Buffer.from(`${createdMicros} ${paymentId}`).toString('base64url')
}

/** Undefined when it is no cursor of ours. */
export function decodeCursor(cursor: string): PaymentPlace | undefined {
  const [, createdMicros, paymentId] =
    form.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? []
  return createdMicros && paymentId ? { createdMicros, paymentId } : undefined
}
