import type { PaymentRow } from '../evidence.ts'
import type { Facts, Posting } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** Captures less refunds of one payment in one currency, and the fees that the provider kept. */
type Balance = { moved: number; fees: number }

/**
 * S3: the ledger equals the provider log, per payment and currency. Payments whose outcome is still
 * unknown to us are left out: L1 (every pending payment is final in 90 s) reports them.
 */
export function checkReconciliation(facts: Facts): Finding[] {
  const { postingsByPayment, capturesByPayment, refundLinesByPayment, paymentById } = facts
  const all = new Set([
    ...postingsByPayment.keys(),
    ...capturesByPayment.keys(),
    ...refundLinesByPayment.keys(),
  ])
  return [...all].flatMap(paymentId => {
    const postings = postingsByPayment.get(paymentId) ?? []
    // `checkMoney` reports a payment that we do not have at all.
    if (postings.length === 0 && !paymentById.has(paymentId)) return []
    const inLedger = ledgerBalances(postings)
    const atProvider = providerBalances(facts, paymentId)
    return [...new Set([...inLedger.keys(), ...atProvider.keys()])].flatMap(currency => {
      const ours = inLedger.get(currency) ?? nothing
      const theirs = atProvider.get(currency) ?? nothing
      const differences = (['moved', 'fees'] as const)
        .filter(name => ours[name] !== theirs[name])
        .map(name => `${name} ${ours[name]}, provider ${theirs[name]}`)
      if (differences.length === 0) return []
      const what = `the ledger of payment ${paymentId} in ${currency}`
      const message = `${what} differs from the provider log: ${differences.join('; ')}`
      return [{ promise: 'S3' as const, message, ids: [paymentId] }]
    })
  })
}

const nothing: Balance = { moved: 0, fees: 0 }

function ledgerBalances(postings: readonly Posting[]): Map<string, Balance> {
  const sums = new Map<string, Balance>()
  for (const { account, amountCents, currency } of postings.flatMap(({ entries }) => entries)) {
    if (account !== 'provider_clearing' && account !== 'fees') continue
    add(sums, currency, { moved: amountCents, fees: account === 'fees' ? amountCents : 0 })
  }
  return sums
}

function providerBalances(facts: Facts, paymentId: string): Map<string, Balance> {
  const sums = new Map<string, Balance>()
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

const feePermille = 14
const feeFixed = 25

/**
 * The fee of a charge in minor units: 1.4 %, rounded half up, plus 25. The provider publishes this rule
 * (`GET /rules`), and its log has no fees, so the auditor computes them itself.
 */
function feeOf(amount: number): number {
  return Math.floor((amount * feePermille + 500) / 1_000) + feeFixed
}

function isUndecided(payment: PaymentRow | undefined): boolean {
  return payment?.status === 'pending' || (payment?.requestedAction ?? null) !== null
}

function add(sums: Map<string, Balance>, currency: string, { moved, fees }: Balance): void {
  const name = currency.toUpperCase()
  const before = sums.get(name) ?? nothing
  sums.set(name, { moved: before.moved + moved, fees: before.fees + fees })
}
