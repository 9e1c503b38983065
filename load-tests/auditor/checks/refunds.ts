import type { PaymentRow, ProviderLine, RefundRow } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S3 (money is conserved) for refunds, in both directions: a refund that we call succeeded was made, we
 * know of every refund, and refunds never exceed captures, in our tables and at the provider.
 */
export function checkRefunds(facts: Facts): Finding[] {
  return [
    ...facts.refunds.flatMap(row => checkOurs(facts, row)),
    ...facts.refundLines.flatMap(line => checkTheirs(facts, line)),
    ...facts.payments.flatMap(row => checkOurSum(facts, row)),
    ...checkTheirSums(facts),
  ]
}

function checkOurs(facts: Facts, row: RefundRow): Finding[] {
  if (row.status !== 'succeeded') return []
  const { refundId, paymentId, providerRefundId } = row
  const ids = [refundId, paymentId]
  const line = facts.refundLinesByRefund
    .get(refundId)
    ?.find(one => one.providerRefundId === providerRefundId)
  if (!line) return [s3(`refund ${refundId} succeeded only in our table`, ids)]
  const payment = facts.paymentById.get(paymentId)
  const pairs = {
    amount: [row.amountCents, line.amount],
    currency: [payment?.currency.toLowerCase(), line.currency?.toLowerCase()],
    tenant: [row.tenantId, line.tenantId],
    payment: [paymentId, line.paymentId],
    intent: [payment?.providerPaymentId, line.intentId],
  }
  const differences = Object.entries(pairs)
    .filter(([, [ours, theirs]]) => ours !== theirs)
    .map(([name, [ours, theirs]]) => `${name} ${ours}, provider ${theirs}`)
  if (differences.length === 0) return []
  return [s3(`refund ${refundId} differs from the provider log: ${differences.join(', ')}`, ids)]
}

function checkTheirs(facts: Facts, line: ProviderLine): Finding[] {
  // A pending refund is reported by L1 (every pending payment is final). The next question to the
  // provider will find that it was made.
  if (facts.refundById.has(line.refundId ?? '')) return []
  const { providerRefundId, amount, currency } = line
  const ids = [line.refundId, line.paymentId].filter(id => id !== undefined)
  const name = `${providerRefundId} (${amount} ${currency})`
  return [s3(`the provider made refund ${name}, and we have no such refund`, ids)]
}

function checkOurSum(facts: Facts, payment: PaymentRow): Finding[] {
  const { paymentId, status, amountCents, refundedCents } = payment
  const rows = facts.refundsByPayment.get(paymentId) ?? []
  const sum = rows.reduce((total, row) => total + row.amountCents, 0)
  const ids = [paymentId, ...rows.map(({ refundId }) => refundId)]
  const name = `payment ${paymentId}`
  const captured = status === 'captured' ? amountCents : 0
  if (sum > captured)
    return [s3(`${name} has refunds of ${sum}, and ${captured} was captured`, ids)]
  if (sum === refundedCents) return []
  return [s3(`${name} says ${refundedCents} refunded, and its refunds are ${sum}`, ids)]
}

function checkTheirSums({ captures, refundLines }: Facts): Finding[] {
  const byIntent = Map.groupBy(captures, ({ intentId }) => intentId)
  return [...Map.groupBy(refundLines, ({ intentId }) => intentId)].flatMap(([intentId, lines]) => {
    const [refunded, captured] = [sumOf(lines), sumOf(byIntent.get(intentId) ?? [])]
    if (refunded <= captured) return []
    const ids = lines.flatMap(({ refundId, paymentId }) => [refundId, paymentId])
    const message = `the provider refunded ${refunded} of ${intentId}, and captured ${captured}`
    return [s3(message, [...new Set(ids.filter(id => id !== undefined))])]
  })
}

function sumOf(lines: readonly ProviderLine[]): number {
  return lines.reduce((sum, { amount = 0 }) => sum + amount, 0)
}

function s3(message: string, ids: string[]): Finding {
  return { promise: 'S3', message, ids }
}
