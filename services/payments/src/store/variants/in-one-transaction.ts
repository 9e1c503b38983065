import { RollBack } from '@nightshift/runtime/postgres/postgres'
import type { Payment, Settlement } from '../../domain/payment.ts'
import type { PaymentClaim, TakePaymentDeps } from '../../flows/take-payment.ts'
import {
  beginPayment,
  endPayment,
  type StepByStepOptions,
  stepByStepPhases,
} from './step-by-step.ts'

type Phases = Pick<TakePaymentDeps, 'claim' | 'settle' | 'askAgainLater'>

/** A payment whose transaction is open while the provider is asked. */
type Open = { end: (how: Settlement | 'undecided') => void; ended: Promise<Payment | undefined> }

/**
 * The claim in the transaction of the business, around everything: it looks as if it could not be
 * wrong. The transaction, and with it a connection, is held for as long as the provider takes. So is
 * one by each duplicate: its INSERT waits until the first is over. And what ends without a verdict is
 * rolled back, as frameworks do it: the claim and the payment, and not the charge.
 */
export function phasesInOneTransaction(options: StepByStepOptions): Phases {
  const { announcements } = options
  const { settle } = stepByStepPhases(options)
  const opened = new Map<string, Open>()
  const take = (paymentId: string) => {
    const open = opened.get(paymentId)
    opened.delete(paymentId)
    return open
  }
  return {
    claim: keyed => {
      const told = Promise.withResolvers<PaymentClaim>()
      const ended = announcements.transact<Payment | undefined>(async (tx, announce) => {
        const claim = await beginPayment(tx, options, keyed).catch(error => {
          // Refused: what was begun is undone, and this is the answer.
          if (error instanceof RollBack) told.resolve(error.value)
          throw error
        })
        if (claim.kind !== 'claimed') {
          told.resolve(claim)
          return undefined
        }
        const { payment } = claim
        const verdict = Promise.withResolvers<Settlement | 'undecided'>()
        opened.set(payment.paymentId, { end: verdict.resolve, ended })
        told.resolve(claim)
        const how = await verdict.promise
        if (how === 'undecided') throw new RollBack(payment)
        return endPayment(tx, announce, options, payment, how)
      })
      // Before the claim is told, its error is the claim's; after, that of whoever waits for the end.
      ended.catch(told.reject)
      return told.promise
    },

    settle: async (payment, settlement) => {
      const open = take(payment.paymentId)
      // Money that is held is captured or voided long after its first transaction.
      if (!open) return settle(payment, settlement)
      open.end(settlement)
      return (await open.ended) ?? payment
    },

    askAgainLater: async ({ paymentId }) => {
      const open = take(paymentId)
      open?.end('undecided')
      await open?.ended
    },
  }
}
