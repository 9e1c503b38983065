import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { oneTransaction } from '@nightshift/patterns/idempotency-key/variants/one-transaction'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Announce, Outbox } from '@nightshift/patterns/outbox/types'
import { inTransaction, RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type { Entry } from '../domain/ledger.ts'
import type { Payment } from '../domain/payment.ts'
import type { KeyedPayment, PaymentClaim } from '../flows/take-payment.ts'
import type { NewPayment } from './claim-payments.ts'
import type { PaymentChange } from './commit-payments.ts'
import { newPayment, type PaymentStore, reload } from './payment-store.ts'
import { findPayment } from './payments.ts'

export type InStepsOptions = {
  pool: Pool
  work: LeasedWork
  /** The variant of the idempotency key. */
  keys: IdempotencyKeys
  outbox: Outbox
  isBacklogFull: (tenantId: string) => boolean
  limits: { firstCheckMs: number; backoff: { baseMs: number; capMs: number } }
}

/**
 * The naive form of the same two phases, as most services have it: a transaction with one statement
 * after the other. The variants of the idempotency key need it, and the bench measures against it.
 */
export function paymentsInSteps(options: InStepsOptions): PaymentStore {
  const { pool, work, keys, outbox, limits } = options
  return {
    async claim(keyed: KeyedPayment, deadline: Deadline): Promise<PaymentClaim> {
      const claim = await inTransaction(pool, tx => claimIn(tx, options, keyed), deadline)
      await crashpoint('payment.claimed')
      return claim
    },
    async commit(change: PaymentChange): Promise<boolean> {
      await crashpoint('settle.begin')
      return outbox.transact((tx, announce) => commitIn(tx, announce, options, change))
    },
    recheckLater({ paymentId, attempt }: Payment, floorMs: number): Promise<void> {
      return inTransaction(pool, async tx => {
        const owner = { id: paymentId, attempt }
        const isOurs = await work.reschedule(tx, owner, { ...limits.backoff, floorMs })
        if (isOurs) await keys.release(tx, paymentId)
      })
    },
    reload: payment => reload(pool, payment),
  }
}

/** Both phases in one transaction, which stays open while the provider is asked. */
export function paymentsInOneTransaction(options: InStepsOptions): PaymentStore {
  const { pool, outbox } = options
  const inSteps = paymentsInSteps(options)
  const open = oneTransaction({
    transact: outbox.transact,
    claim: async (tx: Transaction, keyed: KeyedPayment) => {
      const claim = await claimIn(tx, options, keyed).catch((error: unknown) => {
        if (error instanceof RollBack) return error.value as PaymentClaim
        throw error
      })
      return claim.kind === 'claimed'
        ? { kind: 'claimed' as const, subject: claim.payment }
        : { kind: 'refused' as const, refusal: claim }
    },
    commit: (tx: Transaction, announce: Announce, change: PaymentChange) =>
      commitIn(tx, announce, options, change),
    idOf: (payment: Payment) => payment.paymentId,
  })
  return {
    claim: async keyed => {
      const claim = await open.claim(keyed)
      return claim.kind === 'refused' ? claim.refusal : { kind: 'claimed', payment: claim.subject }
    },
    // An authorization is captured or voided long after the transaction of its claim.
    commit: async change =>
      (await open.commit(change.before.paymentId, change)) ?? inSteps.commit(change),
    recheckLater: ({ paymentId }) => open.giveUp(paymentId),
    // A payment whose transaction was rolled back does not exist.
    reload: async payment =>
      (await findPayment(pool, payment.tenantId, payment.paymentId)) ?? payment,
  }
}

async function claimIn(
  tx: Transaction,
  { keys, isBacklogFull, limits }: InStepsOptions,
  keyed: KeyedPayment,
): Promise<PaymentClaim> {
  const request = newPayment(keyed)
  const claim = await keys.claim(tx, request)
  if (claim.kind !== 'claimed') return claim
  if (claim.resumed) {
    await tx.query(
      `UPDATE payments SET attempt = attempt + 1 WHERE payment_id = $1 AND status = 'pending'`,
      [claim.id],
    )
  } else {
    if (isBacklogFull(keyed.tenantId)) throw new RollBack<PaymentClaim>({ kind: 'overloaded' })
    await insertPayment(tx, request, limits.firstCheckMs)
  }
  const payment = await findPayment(tx, keyed.tenantId, claim.id)
  if (!payment) throw new Error(`the key was claimed, but its payment ${claim.id} does not exist`)
  return { kind: 'claimed', payment }
}

async function commitIn(
  tx: Transaction,
  announce: Announce,
  { keys }: InStepsOptions,
  { before, after, ledger, event, answer }: PaymentChange,
): Promise<boolean> {
  if (!(await updatePayment(tx, before, after))) return false
  if (ledger.length > 0) await post(tx, after, ledger)
  if (event) await announce(event)
  await keys.finish(tx, before.paymentId, answer)
  return true
}

async function insertPayment(
  tx: Transaction,
  payment: NewPayment,
  firstCheckMs: number,
): Promise<void> {
  await tx.query(
    `INSERT INTO payments (payment_id, tenant_id, listing_id, publication_id, amount_cents,
       tax_cents, currency, capture_method, card_token, traceparent, next_check_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, now() + $11 * interval '1 millisecond')`,
    [
      payment.proposedId,
      payment.tenantId,
      payment.listingId,
      payment.publicationId,
      payment.amountCents,
      payment.taxCents,
      payment.currency,
      payment.captureMethod,
      payment.cardToken,
      payment.traceparent,
      firstCheckMs,
    ],
  )
}

async function updatePayment(tx: Transaction, before: Payment, after: Payment): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE payments
     SET status = $3, provider_payment_id = $4, decline_reason = $5, card_token = NULL,
       requested_action = NULL, next_check_at = NULL, version = version + 1,
       attempt = attempt + 1, updated_at = now()
     WHERE payment_id = $1 AND attempt = $2`,
    [before.paymentId, before.attempt, after.status, after.providerPaymentId, after.declineReason],
  )
  return rowCount === 1
}

async function post(
  tx: Transaction,
  { tenantId, paymentId, currency }: Payment,
  entries: readonly Entry[],
): Promise<void> {
  const { rows } = await tx.query<{ transaction_id: string }>(
    `INSERT INTO ledger_transactions (tenant_id, source, source_id, payment_id)
     VALUES ($1, 'capture', $2, $2) RETURNING transaction_id`,
    [tenantId, paymentId],
  )
  await tx.query(
    `INSERT INTO ledger_entries (transaction_id, tenant_id, account, amount_cents, currency)
     SELECT $1, $2, account, amount_cents, $3
     FROM unnest($4::text[], $5::bigint[]) AS entries (account, amount_cents)`,
    [
      rows[0]?.transaction_id,
      tenantId,
      currency,
      entries.map(({ account }) => account),
      entries.map(({ amountCents }) => amountCents),
    ],
  )
}
