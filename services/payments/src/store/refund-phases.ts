import { randomUUID } from 'node:crypto'
import type { Obligation } from '@nightshift/patterns/durable-refund/types'
import { fingerprintOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import { keyHashOf } from '@nightshift/patterns/idempotency-key/key-hash'
import type { IdempotencyKeys, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import {
  inTenantTransaction,
  RollBack,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type { Entry } from '../domain/ledger.ts'
import type { Payment } from '../domain/payment.ts'
import type { Refund } from '../domain/refund.ts'
import type { KeyedRefund, RefundClaim, RefundPaymentDeps } from '../flows/refund-payment.ts'
import { lockPayment } from './payments.ts'
import { postToLedger } from './post-to-ledger.ts'
import {
  findRefund,
  findRefundByKey,
  insertRefund,
  markRefunded,
  type NewRefund,
  reserveForRefund,
  takeOverRefund,
} from './refunds.ts'

const route = 'POST /v1/payments/:paymentId/refunds'

export type RefundPhasesOptions = {
  pool: Pool
  keys: IdempotencyKeys
  obligation: Obligation
  firstCheckMs: number
  answerOf: (refund: Refund) => StoredAnswer
  entriesOf: (refund: Refund) => readonly Entry[]
  taxOf: TaxOfRefund
}

/** The tax in an amount of a payment of which this much was given back before. */
type TaxOfRefund = (
  payment: Pick<Payment, 'amountCents' | 'taxCents' | 'refundedCents'>,
  refundCents: number,
) => number

/** The two phases of a refund that commit. Refunds are few, so each is a transaction of its own. */
export function refundPhases({
  pool,
  keys,
  obligation,
  firstCheckMs,
  answerOf,
  entriesOf,
  taxOf,
}: RefundPhasesOptions): Pick<RefundPaymentDeps, 'claim' | 'settle'> {
  return {
    claim: async (keyed, deadline) => {
      const { tenantId, paymentId, key, request } = keyed
      const fingerprint = fingerprintOf(route, paymentId, request)
      const made = { keyHash: keyHashOf(route, key), fingerprint }
      const claimIn = async (tx: Transaction): Promise<RefundClaim> => {
        const proposedId = randomUUID()
        const claim = await keys.claim(tx, { tenantId, route, key, fingerprint, proposedId })
        if (claim.kind !== 'claimed') return claim
        if (!claim.resumed) {
          await answerIfKnown(tx, tenantId, made)
          await owe(tx, keyed, { refundId: claim.id, firstCheckMs, ...made }, taxOf)
        }
        const isOurs = !claim.resumed || (await takeOverRefund(tx, tenantId, claim.id))
        const refund = await findRefund(tx, tenantId, claim.id)
        if (!refund) throw new Error(`the key was claimed and its refund ${claim.id} is absent`)
        // Whoever writes to it just now goes on with it, and the key stays as it was.
        if (!isOurs && refund.status === 'pending') {
          throw new RollBack<RefundClaim>({ kind: 'in_progress', retryAfterMs: 0 })
        }
        return obligation.beforeAsking({ kind: 'claimed', refund })
      }
      const result = await inTenantTransaction(pool, tenantId, claimIn, deadline)
      await crashpoint('refund.claimed')
      return result
    },

    settle: async (refund, providerRefundId) => {
      const { tenantId, refundId } = refund
      const isDone = await inTenantTransaction(pool, tenantId, async tx => {
        await obligation.oncePaid(() => writeDown(tx, refund, firstCheckMs))
        if (!(await markRefunded(tx, refund, providerRefundId))) return false
        await postToLedger(
          tx,
          { ...refund, source: 'refund', sourceId: refundId },
          entriesOf(refund),
        )
        await keys.finish(tx, refund.refundId, answerOf({ ...refund, status: 'succeeded' }))
        return true
      })
      if (isDone) return { ...refund, status: 'succeeded' }
      // Whoever came first has met it, or works on it; this is what it is now.
      return inTenantTransaction(pool, tenantId, async tx => {
        const now = await findRefund(tx, tenantId, refundId)
        if (!now) throw new Error(`refund ${refundId} is not there any more`)
        return now
      })
    },
  }
}

type MadeBy = { keyHash: Buffer; fingerprint: Buffer }

/** A key that was forgotten comes as if it were new. What it made is the answer, and no row is left. */
async function answerIfKnown(
  tx: Transaction,
  tenantId: string,
  { keyHash, fingerprint }: MadeBy,
): Promise<void> {
  const known = await findRefundByKey(tx, tenantId, keyHash)
  if (!known) return
  throw new RollBack<RefundClaim>(
    known.fingerprint.equals(fingerprint)
      ? { kind: 'known', refund: known.refund }
      : { kind: 'different_request' },
  )
}

/** The whole rest, unless an amount is named. What is refused is undone, the key included. */
async function owe(
  tx: Transaction,
  { tenantId, paymentId, request }: KeyedRefund,
  made: MadeBy & Pick<NewRefund, 'refundId' | 'firstCheckMs'>,
  taxOf: TaxOfRefund,
): Promise<void> {
  // Locked, so that "all that is left" is still left when it is reserved below.
  const payment = await lockPayment(tx, tenantId, paymentId)
  const refuse = (kind: 'no_such_payment' | 'not_captured' | 'too_much') =>
    new RollBack<RefundClaim>({ kind })
  if (!payment) throw refuse('no_such_payment')
  if (payment.status !== 'captured') throw refuse('not_captured')
  const amountCents = request.amountCents ?? payment.amountCents - payment.refundedCents
  const reserved =
    amountCents > 0 ? await reserveForRefund(tx, tenantId, paymentId, amountCents) : undefined
  if (!reserved) throw refuse('too_much')
  const refundedCents = reserved.refundedBeforeCents
  await insertRefund(tx, {
    ...{ ...made, tenantId, paymentId, amountCents },
    taxCents: taxOf({ ...payment, refundedCents }, amountCents),
    reason: request.reason,
    traceparent: currentTraceparent(),
  })
}

/** As it was looked at before: who writes it down now has kept neither that nor its key. */
async function writeDown(tx: Transaction, refund: Refund, firstCheckMs: number): Promise<void> {
  const { tenantId, paymentId, amountCents } = refund
  const reserved = await reserveForRefund(tx, tenantId, paymentId, amountCents)
  if (!reserved) throw new Error(`so much is not left of payment ${paymentId} any more`)
  const made = { keyHash: null, fingerprint: null, traceparent: currentTraceparent(), firstCheckMs }
  await insertRefund(tx, { ...refund, ...made })
}
