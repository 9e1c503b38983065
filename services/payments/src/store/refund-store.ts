import { randomUUID } from 'node:crypto'
import {
  insertIntent,
  recordMade,
  reserve,
} from '@nightshift/patterns/durable-refund/durable-refund'
import type { DurableRefund, RefundIntent } from '@nightshift/patterns/durable-refund/types'
import { idempotencyKeys, keyedRequest } from '@nightshift/patterns/idempotency-key/idempotency-key'
import type { KeyedRequest, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import {
  inTenantTransaction,
  inTransaction,
  RollBack,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import { type Entry, taxOfRefund } from '../domain/ledger.ts'
import type { Refund } from '../domain/refund.ts'
import type { KeyedRefund, RefundClaim } from '../flows/refund-payment.ts'
import { lockPayment } from './payments.ts'
import { postToLedger } from './post-to-ledger.ts'
import { refundsTable } from './refund-row.ts'
import { findRefund } from './refunds.ts'

const refundRoute = 'POST /v1/payments/:paymentId/refunds'

/** A refund that was made, with everything that is committed together with it. */
export type RefundChange = {
  before: Refund
  providerRefundId: string
  ledger: readonly Entry[]
  answer: StoredAnswer
}

export type RefundStoreOptions = {
  /** The pool for requests on behalf of one employer. */
  pool: Pool
  /** The pool for the job, which works for all employers. */
  worker: Pool
  work: LeasedWork
  durable: DurableRefund
  limits: {
    keyLeaseMs: number
    /** The wait until the job checks a refund whose request has not finished it. */
    firstCheckMs: number
    backoff: { baseMs: number; capMs: number }
    /** The wait before an escalated refund is checked again. */
    escalatedMs: number
  }
}

export type RefundStore = ReturnType<typeof refundStore>

/** The database side of refunds. Refunds are few, so each phase is a transaction of its own. */
export function refundStore({ pool, worker, work, durable, limits }: RefundStoreOptions) {
  const keys = idempotencyKeys({ subjects: refundsTable, leaseMs: limits.keyLeaseMs })

  /**
   * Reserves the amount and writes the intent. Without an amount, the whole rest is refunded. A
   * refusal rolls everything back, key included.
   */
  async function writeIntent(tx: Transaction, keyed: KeyedRefund, request: KeyedRequest) {
    const { tenantId, paymentId } = keyed
    // The row is locked, so that the rest does not change before it is reserved below.
    const payment = await lockPayment(tx, tenantId, paymentId)
    if (!payment) throw refused('no_such_payment')
    if (payment.status !== 'captured') throw refused('not_captured')
    const amountCents = keyed.request.amountCents ?? payment.amountCents - payment.refundedCents
    if (amountCents <= 0) throw refused('too_much')
    const refundedCents = await reserve(tx, { tenantId, paymentId, amountCents })
    if (refundedCents === undefined) throw refused('too_much')
    await insertIntent(tx, {
      refundId: request.proposedId,
      tenantId,
      paymentId,
      amountCents,
      taxCents: taxOfRefund({ ...payment, refundedCents }, amountCents),
      reason: keyed.request.reason,
      keyHash: request.keyHash,
      fingerprint: request.fingerprint,
      traceparent: currentTraceparent(),
      firstCheckMs: limits.firstCheckMs,
    })
  }

  async function claimIn(tx: Transaction, keyed: KeyedRefund): Promise<RefundClaim> {
    const { tenantId, paymentId, key } = keyed
    const keyOf = { tenantId, route: refundRoute, key }
    const request = keyedRequest(keyOf, [paymentId, keyed.request], randomUUID())
    const claim = await keys.claim(tx, request)
    if (claim.kind === 'in_progress' && claim.id !== undefined) {
      const refund = await findRefund(tx, tenantId, claim.id)
      return refund?.status === 'succeeded' ? { kind: 'made', refund } : claim
    }
    if (claim.kind !== 'claimed') return claim
    const isOwned = claim.resumed ? await takeOver(tx, claim.id) : true
    if (!claim.resumed) await writeIntent(tx, keyed, request)
    const refund = await findRefund(tx, tenantId, claim.id)
    if (!refund) throw new Error(`the key was claimed, but its refund ${claim.id} does not exist`)
    // Its owner is writing to the row at this moment. The key stays as it was.
    if (!isOwned && refund.status === 'pending') {
      throw new RollBack<RefundClaim>({ kind: 'in_progress', retryAfterMs: 0 })
    }
    return durable.keepIntent({ kind: 'claimed', refund })
  }

  /** False if the refund is done, or its row is locked by a live owner. */
  async function takeOver(tx: Transaction, refundId: string): Promise<boolean> {
    const { rowCount } = await tx.query({
      name: 'take_over_refund',
      text: `WITH claimed AS (SELECT $1::uuid AS subject_id), ${work.takeOver('claimed')}
             SELECT FROM resumed`,
      values: [refundId],
    })
    return rowCount === 1
  }

  const reschedule = (
    refund: Refund,
    backoff: { baseMs: number; capMs: number },
    floorMs: number,
  ) =>
    inTransaction(worker, async tx => {
      const owner = { id: refund.refundId, attempt: refund.attempt }
      // An owner that was overtaken must not release the key of its successor.
      const isOurs = await work.reschedule(tx, owner, { ...backoff, floorMs })
      if (isOurs) await keys.release(tx, refund.refundId)
    })

  return {
    /** Commits the intent. From then on the refund survives the death of any process. */
    async claim(keyed: KeyedRefund, deadline: Deadline): Promise<RefundClaim> {
      const work = (tx: Transaction) => claimIn(tx, keyed)
      const claim = await inTenantTransaction(pool, keyed.tenantId, work, deadline)
      await crashpoint('refund.claimed')
      return claim
    },

    /** Commits that a refund was made. False if another owner was first. */
    commit({ before, providerRefundId, ledger, answer }: RefundChange): Promise<boolean> {
      return inTenantTransaction(pool, before.tenantId, async tx => {
        await durable.beforeRecording(tx, intentOf(before, limits.firstCheckMs))
        if (!(await recordMade(tx, work.fence, before, providerRefundId))) return false
        await postToLedger(tx, { ...before, source: 'refund', sourceId: before.refundId }, ledger)
        await keys.finish(tx, before.refundId, answer)
        return true
      })
    },

    /** Reschedules a pending refund and releases its key. */
    recheckLater: (refund: Refund, floorMs: number): Promise<void> =>
      reschedule(refund, limits.backoff, floorMs),

    /** Reschedules a refund that needs a decision by a person. The wait is long. */
    escalate: (refund: Refund): Promise<void> =>
      reschedule(refund, { baseMs: limits.escalatedMs, capMs: limits.escalatedMs }, 0),

    /**
     * The refund as it is now.
     * @throws when it does not exist
     */
    reload({ tenantId, refundId }: Refund): Promise<Refund> {
      return inTenantTransaction(pool, tenantId, async tx => {
        const now = await findRefund(tx, tenantId, refundId)
        if (!now) throw new Error(`refund ${refundId} does not exist any more`)
        return now
      })
    },
  }
}

function refused(kind: 'no_such_payment' | 'not_captured' | 'too_much') {
  return new RollBack<RefundClaim>({ kind })
}

/** The intent for the naive version, which writes it only after the refund was made. */
function intentOf(refund: Refund, firstCheckMs: number): RefundIntent {
  const traceparent = currentTraceparent()
  return { ...refund, keyHash: null, fingerprint: null, traceparent, firstCheckMs }
}
