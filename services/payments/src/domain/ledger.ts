import type { Payment, Settlement } from './payment.ts'

/** Debits are positive, credits negative: the entries of one transaction sum to zero. */
export type Entry = { account: Account; amountCents: number }
export type Account = 'provider_clearing' | 'revenue' | 'tax' | 'refunds' | 'fees'

/** What a settlement posts to the ledger: nothing, unless money was captured. */
export function ledgerEntriesOf(payment: Payment, settlement: Settlement): Entry[] {
  return settlement.kind === 'captured' ? captureEntries(payment, settlement.feeCents) : []
}

/** Money came in. The provider owes us the amount less its fee, and the tax in the amount is not ours. */
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

/** Money goes back. The tax in it is taken back too, and the fee is not. */
export function refundEntries(refund: { amountCents: number; taxCents: number }): Entry[] {
  const { amountCents, taxCents } = refund
  return withoutZeros([
    { account: 'refunds', amountCents: amountCents - taxCents },
    { account: 'tax', amountCents: taxCents },
    { account: 'provider_clearing', amountCents: -amountCents },
  ])
}

/**
 * The tax in a refund, in cents, rounded down: the tax in all refunds so far, less the tax in the
 * earlier ones. So refunds that add up to the payment give back its whole tax, however many they are.
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
