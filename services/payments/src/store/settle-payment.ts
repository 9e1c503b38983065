import type { PaymentEvent } from '@nightshift/contracts/events'
import type { IdempotencyKeys, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { Outbox } from '@nightshift/patterns/outbox/types'
import { crashpoint } from '@nightshift/runtime/crashpoint'
import type { Payment } from '../domain/payment.ts'
import type { TakePaymentDeps } from '../flows/take-payment.ts'
import { capturePayment, declinePayment, findPayment } from './payments.ts'

/**
 * The last phase, as one transaction: the state, the event, and the answer under the key. Whoever
 * comes second (the request, the reconciler, another instance) finds the payment final and changes
 * nothing.
 */
export function settlePayment(
  outbox: Outbox,
  keys: IdempotencyKeys,
  answerOf: (payment: Payment) => StoredAnswer,
  eventOf: (payment: Payment) => PaymentEvent,
): TakePaymentDeps['settle'] {
  return async (payment, verdict) => {
    await crashpoint('settle.begin')
    return outbox.transact(async (tx, announce) => {
      const settled =
        verdict.kind === 'captured'
          ? await capturePayment(tx, payment.paymentId, verdict.providerPaymentId)
          : await declinePayment(tx, payment.paymentId, verdict.reason)
      if (!settled) {
        const now = await findPayment(tx, payment.tenantId, payment.paymentId)
        if (!now) throw new Error(`payment ${payment.paymentId} is not there any more`)
        return now
      }
      await announce(eventOf(settled))
      await keys.finish(tx, settled.paymentId, answerOf(settled))
      await crashpoint('settle.written')
      return settled
    })
  }
}
