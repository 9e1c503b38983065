import type { Payment } from './payment.ts'

/** Debits are positive, credits negative: the entries of one transaction sum to zero. */
export type Entry = { account: Account; amountCents: number }
export type Account = 'provider_clearing' | 'revenue' | 'tax' | 'refunds' | 'fees'

/**
 * Money came in: the provider owes us the amount less its fee; of the amount, the tax is not ours.
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

/** Money goes back: the tax in it is taken back too, the fee is not. */
export function refundEntries(refund: { amountCents: number; taxCents: number }): Entry[] {
  const { amountCents, taxCents } = refund
  return withoutZeros([
    { account: 'refunds', amountCents: amountCents - taxCents },
    { account: 'tax', amountCents: taxCents },
    { account: 'provider_clearing', amountCents: -amountCents },
  ])
}

/**
 * The tax in a refund, so that any number of refunds that give back the whole payment give back the
 * whole tax: what is owed for all so far, less what earlier ones had. Rounded down.
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
