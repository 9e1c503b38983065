import type { PaymentRow, ProviderLine, RefundRow } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S3 for money that goes back, both ways: what we call given back was, what was given back we know of,
 * and all of it together is never more than came in, here and at the provider.
 */
export function checkRefunds(facts: Facts): Finding[] {
  return [
    ...facts.refunds.flatMap(row => checkOurs(facts, row)),
    ...facts.refundLines.flatMap(line => checkTheirs(facts, line)),
    ...facts.payments.flatMap(row => checkSumHere(facts, row)),
    ...checkSumsThere(facts),
  ]
}

function checkOurs(facts: Facts, row: RefundRow): Finding[] {
  if (row.status !== 'succeeded') return []
  const { refundId, paymentId, providerRefundId } = row
  const ids = [refundId, paymentId]
  const line = facts.refundLinesByRefund
    .get(refundId)
    ?.find(one => one.providerRefundId === providerRefundId)
  if (!line) return [s3(`refund ${refundId} is given back only in our table`, ids)]
  const payment = facts.paymentById.get(paymentId)
  const pairs = {
    amount: [row.amountCents, line.amount],
    currency: [payment?.currency.toLowerCase(), line.currency?.toLowerCase()],
    tenant: [row.tenantId, line.tenantId],
    payment: [paymentId, line.paymentId],
    intent: [payment?.providerPaymentId, line.intentId],
  }
  const differences = Object.entries(pairs)
    .filter(([, [we, they]]) => we !== they)
    .map(([name, [we, they]]) => `${name} ${we}, there ${they}`)
  if (differences.length === 0) return []
  return [s3(`refund ${refundId} differs from what was given back: ${differences.join(', ')}`, ids)]
}

function checkTheirs(facts: Facts, line: ProviderLine): Finding[] {
  // One that is pending is told by L1: whoever asks again will learn that it was given back.
  if (facts.refundById.has(line.refundId ?? '')) return []
  const { providerRefundId, amount, currency } = line
  const ids = [line.refundId, line.paymentId].filter(id => id !== undefined)
  const name = `${providerRefundId} (${amount} ${currency})`
  return [s3(`the provider gave back ${name} and we have no such refund`, ids)]
}

function checkSumHere(facts: Facts, payment: PaymentRow): Finding[] {
  const { paymentId, status, amountCents, refundedCents } = payment
  const rows = facts.refundsByPayment.get(paymentId) ?? []
  const sum = rows.reduce((total, row) => total + row.amountCents, 0)
  const ids = [paymentId, ...rows.map(({ refundId }) => refundId)]
  const name = `payment ${paymentId}`
  const came = status === 'captured' ? amountCents : 0
  if (sum > came) return [s3(`of ${name} ${sum} is given back, and ${came} came in`, ids)]
  if (sum === refundedCents) return []
  return [s3(`${name} says ${refundedCents} refunded, and its refunds are ${sum}`, ids)]
}

function checkSumsThere({ captures, refundLines }: Facts): Finding[] {
  const byIntent = Map.groupBy(captures, ({ intentId }) => intentId)
  return [...Map.groupBy(refundLines, ({ intentId }) => intentId)].flatMap(([intentId, lines]) => {
    const [back, came] = [sumOf(lines), sumOf(byIntent.get(intentId) ?? [])]
    if (back <= came) return []
    const ids = lines.flatMap(({ refundId, paymentId }) => [refundId, paymentId])
    const message = `of ${intentId} the provider gave back ${back}, and captured ${came}`
    return [s3(message, [...new Set(ids.filter(id => id !== undefined))])]
  })
}

function sumOf(lines: readonly ProviderLine[]): number {
  return lines.reduce((sum, { amount = 0 }) => sum + amount, 0)
}

function s3(message: string, ids: string[]): Finding {
  return { invariant: 'S3', message, ids }
}
