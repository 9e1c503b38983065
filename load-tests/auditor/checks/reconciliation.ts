import type { PaymentRow } from '../evidence.ts'
import type { Facts, Posting } from '../facts.ts'
import { feeOf } from '../provider-fee.ts'
import type { Finding } from '../verdict.ts'

/** What a payment has moved in one currency: captures less refunds, and what the provider kept of it. */
type Moved = { moved: number; fees: number }

/**
 * S3, the ledger against the provider's log, per payment and currency. What the provider did and we
 * have not heard of yet is left out: L1 tells of it.
 */
export function checkBooks(facts: Facts): Finding[] {
  const { postingsByPayment, capturesByPayment, refundLinesByPayment, paymentById } = facts
  const all = new Set([
    ...postingsByPayment.keys(),
    ...capturesByPayment.keys(),
    ...refundLinesByPayment.keys(),
  ])
  return [...all].flatMap(paymentId => {
    const postings = postingsByPayment.get(paymentId) ?? []
    // Of a payment that is nowhere here it is told already that we don't have it.
    if (postings.length === 0 && !paymentById.has(paymentId)) return []
    const ours = postedFor(postings)
    const theirs = movedFor(facts, paymentId)
    return [...new Set([...ours.keys(), ...theirs.keys()])].flatMap(currency => {
      const here = ours.get(currency) ?? nothing
      const there = theirs.get(currency) ?? nothing
      const differences = (['moved', 'fees'] as const)
        .filter(name => here[name] !== there[name])
        .map(name => `${name} ${here[name]}, there ${there[name]}`)
      if (differences.length === 0) return []
      const what = `the ledger of payment ${paymentId} in ${currency}`
      const message = `${what} differs from what the provider did: ${differences.join('; ')}`
      return [{ invariant: 'S3' as const, message, ids: [paymentId] }]
    })
  })
}

const nothing: Moved = { moved: 0, fees: 0 }

function postedFor(postings: readonly Posting[]): Map<string, Moved> {
  const sums = new Map<string, Moved>()
  for (const { account, amountCents, currency } of postings.flatMap(({ entries }) => entries)) {
    if (account !== 'provider_clearing' && account !== 'fees') continue
    add(sums, currency, { moved: amountCents, fees: account === 'fees' ? amountCents : 0 })
  }
  return sums
}

function movedFor(facts: Facts, paymentId: string): Map<string, Moved> {
  const sums = new Map<string, Moved>()
  const captures = facts.capturesByPayment.get(paymentId) ?? []
  const isOpen = isUndecided(facts.paymentById.get(paymentId))
  for (const { amount = 0, currency = '' } of isOpen ? [] : captures) {
    add(sums, currency, { moved: amount, fees: feeOf(amount) })
  }
  for (const { amount = 0, currency = '', refundId = '' } of facts.refundLinesByPayment.get(
    paymentId,
  ) ?? []) {
    if (facts.refundById.get(refundId)?.status === 'pending') continue
    add(sums, currency, { moved: -amount, fees: 0 })
  }
  return sums
}

function isUndecided(payment: PaymentRow | undefined): boolean {
  return payment?.status === 'pending' || (payment?.requestedAction ?? null) !== null
}

function add(sums: Map<string, Moved>, currency: string, { moved, fees }: Moved): void {
  const name = currency.toUpperCase()
  const before = sums.get(name) ?? nothing
  sums.set(name, { moved: before.moved + moved, fees: before.fees + fees })
}
