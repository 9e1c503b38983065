import { type PaymentRow, type RefundRow, rowsOf } from '../evidence.ts'
import type { Facts, Posting } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S2: every ledger transaction sums to zero in each currency. There is exactly one for each captured
 * payment and each refund that succeeded, with the right amounts, and none for anything else.
 */
export function checkLedger(facts: Facts): Finding[] {
  const bySource = Map.groupBy(facts.postings, ({ source, sourceId }) => `${source} ${sourceId}`)
  const captured = facts.payments.filter(({ status }) => status === 'captured')
  const refunded = facts.refunds.filter(({ status }) => status === 'succeeded')
  return [
    ...facts.postings.flatMap(posting => [
      ...checkBalance(posting),
      ...checkSource(facts, posting),
    ]),
    ...checkOwners(facts),
    ...[...bySource].flatMap(([name, same]) =>
      same.length < 2 ? [] : [s2(`${name} was posted ${same.length} times`, idsOf(same[0]))],
    ),
    ...captured.flatMap(row => {
      const postings = bySource.get(`capture ${row.paymentId}`) ?? []
      const name = `payment ${row.paymentId}`
      if (postings.length === 0) return [s2(`${name} is captured, and not posted`, [row.paymentId])]
      return postings.flatMap(posting => checkAmounts(facts, posting, row, captureOf(row, posting)))
    }),
    ...refunded.flatMap(row => {
      const postings = bySource.get(`refund ${row.refundId}`) ?? []
      const ids = [row.paymentId, row.refundId]
      if (postings.length === 0) {
        return [s2(`refund ${row.refundId} succeeded, and is not posted`, ids)]
      }
      return postings.flatMap(posting => checkAmounts(facts, posting, row, refundOf(row)))
    }),
  ]
}

function checkBalance(posting: Posting): Finding[] {
  const { transactionId, entries } = posting
  const name = `ledger transaction ${transactionId}`
  if (entries.length === 0) return [s2(`${name} has no entries`, idsOf(posting))]
  return [...Map.groupBy(entries, ({ currency }) => currency)].flatMap(([currency, same]) => {
    const sum = same.reduce((total, { amountCents }) => total + amountCents, 0)
    return sum === 0 ? [] : [s2(`${name} sums to ${sum} ${currency}`, idsOf(posting))]
  })
}

/** A posting needs a capture or refund that really happened. */
function checkSource(facts: Facts, posting: Posting): Finding[] {
  const { source, sourceId } = posting
  const payment = source === 'capture' ? facts.paymentById.get(sourceId) : undefined
  const refund = source === 'refund' ? facts.refundById.get(sourceId) : undefined
  const status = (payment ?? refund)?.status
  if (status === (source === 'capture' ? 'captured' : 'succeeded')) return []
  const what = status === undefined ? 'which is not there' : `which is ${status}`
  return [s2(`the ledger has a ${source} of ${sourceId}, ${what}`, idsOf(posting))]
}

function checkOwners({ evidence }: Facts): Finding[] {
  const known = new Set(rowsOf(evidence.ledgerTransactions).map(row => row.transactionId))
  const orphans = rowsOf(evidence.ledgerEntries).filter(row => !known.has(row.transactionId))
  return orphans.map(({ transactionId, account }) =>
    s2(`an entry of ${account} belongs to transaction ${transactionId}, which is not there`, []),
  )
}

type Amounts = Readonly<Record<string, number>>

/** The fee is taken from the posting itself. S3 (money is conserved) compares it with the provider's rule. */
function captureOf({ amountCents, taxCents }: PaymentRow, posting: Posting): Amounts {
  const fees = sumOf(posting, 'fees')
  return {
    provider_clearing: amountCents - fees,
    fees,
    revenue: taxCents - amountCents,
    tax: -taxCents,
  }
}

function refundOf({ amountCents, taxCents }: RefundRow): Amounts {
  return { provider_clearing: -amountCents, refunds: amountCents - taxCents, tax: taxCents }
}

function checkAmounts(
  facts: Facts,
  posting: Posting,
  row: PaymentRow | RefundRow,
  expected: Amounts,
): Finding[] {
  const { source, sourceId, entries, tenantId, paymentId } = posting
  const wrong = (what: string) => [
    s2(`the posting of ${source} ${sourceId} ${what}`, idsOf(posting)),
  ]
  if (tenantId !== row.tenantId) return wrong('belongs to another tenant')
  if (paymentId !== row.paymentId) return wrong('belongs to another payment')
  const currency = facts.paymentById.get(paymentId)?.currency
  if (entries.some(entry => entry.currency !== currency))
    return wrong(`is not in ${currency} alone`)
  const accounts = new Set([...Object.keys(expected), ...entries.map(({ account }) => account)])
  const differences = [...accounts]
    .map(account => ({ account, is: sumOf(posting, account), due: expected[account] ?? 0 }))
    .filter(({ is, due }) => is !== due)
    .map(({ account, is, due }) => `${account} ${is} instead of ${due}`)
  return differences.length === 0 ? [] : wrong(`has ${differences.join(', ')}`)
}

function sumOf({ entries }: Posting, account: string): number {
  return entries
    .filter(entry => entry.account === account)
    .reduce((sum, { amountCents }) => sum + amountCents, 0)
}

function idsOf(posting: Posting | undefined): string[] {
  return posting === undefined ? [] : [...new Set([posting.paymentId, posting.sourceId])]
}

function s2(message: string, ids: string[]): Finding {
  return { promise: 'S2', message, ids }
}
