/** A movement of money, as one record has it. All amounts are in minor units. */
export type Movement = Readonly<{
  kind: 'capture' | 'refund'
  /** The provider's id of the movement, which is the same in all records. */
  id: string
  /** Our ids, if the record has them. */
  paymentId: string
  refundId: string
  amountCents: number
  /** The provider's fee. The provider log does not have it. */
  feeCents?: number
  currency: string
  atMs: number
}>

/** Our ledger, the provider's log of what it did, and its settlement file of what it pays out. */
export const recordNames = ['ledger', 'providerLog', 'settlement'] as const
export type RecordName = (typeof recordNames)[number]
export type Records = Readonly<Record<RecordName, readonly Movement[]>>
