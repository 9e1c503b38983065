import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** A refund before the provider is asked for it. */
export type RefundIntent = Readonly<{
  refundId: string
  tenantId: string
  paymentId: string
  amountCents: number
  /** The part of the amount that takes tax back. */
  taxCents: number
  reason: string
  /** Null where the refund can't be found again by its key. */
  keyHash: Buffer | null
  fingerprint: Buffer | null
  traceparent: string | undefined
  /** When a job looks at it first. */
  firstCheckMs: number
}>

/** When a refund is written down, and what the caller hears while its outcome is unknown. */
export type DurableRefund = Readonly<{
  /**
   * Called last in the transaction that reserved the money and wrote the intent, before the provider
   * is asked. Returns `result`, or undoes the transaction with it.
   */
  keepIntent: <Result>(result: Result) => Result
  /** Called first in the transaction that records that the refund was made. */
  beforeRecording: (tx: Queryable, intent: RefundIntent) => Promise<void>
  /** What the caller is told when the provider has not answered. */
  withoutAnswer: 'pending' | 'failed'
}>
