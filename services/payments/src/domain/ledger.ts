import type { Payment, Settlement } from './payment.ts'

/** Debits are positive and credits negative: the entries of one transaction sum to zero. */
export type Entry = { account: Account; amountCents: number }
export type Account = 'provider_clearing' | 'revenue' | 'tax' | 'refunds' | 'fees'

/** The ledger entries of a settlement. There are none unless money was captured. */
export function ledgerEntriesOf(payment: Payment, settlement: Settlement): Entry[] {
  return settlement.kind === 'captured' ? captureEntries(payment, settlement.feeCents) : []
}

/**
 * Entries of a capture. The provider owes us the amount less its fee. The tax is not our revenue.
 */
export function captureEntries(
  { amountCents, taxCents }: Pick<Payment, 'amountCents' | 'taxCents'>,
  feeCents: number,
): Entry[] {
  return withoutZeros([
    { account: 'provider_clearing', amountCents: amountCents - feeCents },
    { account: 'fees', amountCents: feeCents },
    { account: 'revenue', amountCents: taxCents - amountCents },
    { account: 'tax', amountCents: -taxCents },
  ])
}

/** Entries of a refund. The tax in it is refunded too. The provider keeps its fee. */
export function refundEntries(refund: { amountCents: number; taxCents: number }): Entry[] {
  const { amountCents, taxCents } = refund
  return withoutZeros([
    { account: 'refunds', amountCents: amountCents - taxCents },
    { account: 'tax', amountCents: taxCents },
    { account: 'provider_clearing', amountCents: -amountCents },
  ])
}

/**
 * The tax in a refund, in cents: the tax in all refunds including this one, less the tax in the
 * earlier ones. Each sum is rounded down. So refunds that add up to the payment also add up to its
 * tax.
 */
export function taxOfRefund(
  payment: Pick<Payment, 'amountCents' | 'taxCents' | 'refundedCents'>,
  refundCents: number,
): number {
  const taxIn = (cents: number) => Math.floor((cents * payment.taxCents) / payment.amountCents)
  return taxIn(payment.refundedCents + refundCents) - taxIn(payment.refundedCents)
}

function withoutZeros(entries: Entry[]): Entry[] {
  return entries.filter(({ amountCents }) => amountCents !== 0)
}
