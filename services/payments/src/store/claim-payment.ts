import { randomUUID } from 'node:crypto'
import { fingerprintOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import { inTransaction, RollBack } from '@nightshift/runtime/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry'
import type { Pool } from 'pg'
import type { PaymentClaim, TakePaymentDeps } from '../flows/take-payment.ts'
import { findPayment, insertPayment } from './payments.ts'

const route = 'POST /v1/payments'

/**
 * The first phase, as one short transaction: the key, and the payment it stands for. Nothing slow
 * happens inside, so attempts with the same key wait for each other for a moment at most. While the
 * backlog is full nothing new is begun; what was begun may still be asked for, and is continued.
 */
export function claimPayment(
  pool: Pool,
  keys: IdempotencyKeys,
  isBacklogFull: () => boolean,
  firstCheckMs: number,
): TakePaymentDeps['claim'] {
  return async ({ tenantId, key, request }) => {
    const result = await inTransaction(pool, async (tx): Promise<PaymentClaim> => {
      const proposedId = randomUUID()
      const fingerprint = fingerprintOf(route, request)
      const claim = await keys.claim(tx, { tenantId, route, key, fingerprint, proposedId })
      if (claim.kind !== 'claimed') return claim
      const paymentId = claim.id
      const traceparent = currentTraceparent()
      if (!claim.resumed) {
        if (isBacklogFull()) throw new RollBack<PaymentClaim>({ kind: 'overloaded' })
        await insertPayment(tx, { ...request, paymentId, tenantId, traceparent, firstCheckMs })
      }
      const payment = await findPayment(tx, tenantId, paymentId)
      if (!payment) throw new Error(`the key was claimed and its payment ${paymentId} is not there`)
      return { kind: 'claimed', payment }
    })
    await crashpoint('payment.claimed')
    return result
  }
}
