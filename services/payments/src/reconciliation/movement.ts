/** Money that moved, as one of the books has it. All amounts in minor units. */
export type Movement = Readonly<{
  kind: 'capture' | 'refund'
  /** The provider's name of it: the same in all books. */
  id: string
  /** Our names, as far as the book knows them. */
  paymentId: string
  refundId: string
  amountCents: number
  /** What the provider kept; the provider log does not say. */
  feeCents?: number
  currency: string
  atMs: number
}>

/** Ours, and the two of the provider: what it did, and what it says that it paid out. */
export const bookNames = ['ledger', 'truth', 'settlement'] as const
export type BookName = (typeof bookNames)[number]
export type Books = Readonly<Record<BookName, readonly Movement[]>>
