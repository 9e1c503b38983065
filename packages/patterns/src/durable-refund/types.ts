import type { Queryable } from '@nightshift/runtime/postgres/postgres'

/** A refund before the provider has been asked to make it. */
export type RefundIntent = Readonly<{
  refundId: string
  tenantId: string
  paymentId: string
  amountCents: number
  /** The tax in the amount, which is refunded with it. */
  taxCents: number
  reason: string
  /** Null in the naive version, where the key does not lead to the refund. */
  keyHash: Buffer | null
  fingerprint: Buffer | null
  traceparent: string | undefined
  /** The wait until the job first checks the refund, in milliseconds. */
  firstCheckMs: number
}>

/** When a refund is recorded, and how the caller is answered while its outcome is unknown. */
export type DurableRefund = Readonly<{
  /**
   * Called last in the transaction that reserves the money and writes the intent, before the
   * provider is asked. Returns `result`, or rolls the transaction back with `result` as its value.
   */
  keepIntent: <Result>(result: Result) => Result
  /** Called first in the transaction that records that the refund was made. */
  beforeRecording: (tx: Queryable, intent: RefundIntent) => Promise<void>
  /** The answer to the caller when the provider has not answered. */
  withoutAnswer: 'pending' | 'failed'
}>
