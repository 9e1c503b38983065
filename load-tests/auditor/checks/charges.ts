import { type PaymentRow, type ProviderLine, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S1: the provider captures at most once per key and per payment. Only the provider's own log is counted. It is also
 * counted per publication, because a service that ignores keys makes a new payment for each request.
 */
export function checkOneCharge(facts: Facts): Finding[] {
  const reported = new Set<ProviderLine>()
  const report = (what: string, captures: readonly ProviderLine[], ids: readonly string[]) => {
    if (captures.length < 2 || captures.every(one => reported.has(one))) return []
    for (const one of captures) reported.add(one)
    const message = `${what} was charged ${captures.length} times`
    return [{ promise: 'S1' as const, message, ids: [...ids, ...captures.flatMap(idsOf)] }]
  }
  return [
    ...facts.intents.flatMap(intent =>
      intent.op === 'refund'
        ? []
        : report(`key ${intent.key}`, facts.capturesOf(intent), [intent.key]),
    ),
    ...[...facts.capturesByPublication].flatMap(([id, captures]) =>
      id === '' ? [] : report(`publication ${id}`, captures, [id]),
    ),
    ...[...facts.capturesByPayment].flatMap(([id, captures]) =>
      id === '' ? [] : report(`payment ${id}`, captures, [id]),
    ),
  ]
}

/** S1 for refunds: the provider makes at most one per key, and at most one per refund in our table. */
export function checkOneRefund(facts: Facts): Finding[] {
  const byKey = facts.intents
    .filter(({ op }) => op === 'refund')
    .flatMap(intent => {
      const lines = facts.refundLinesOf(intent)
      if (lines.length < 2) return []
      return [refundedTooOften(`key ${intent.key}`, lines, [intent.key])]
    })
  const reported = new Set(byKey.flatMap(({ ids }) => ids))
  const byRefund = [...facts.refundLinesByRefund]
    .filter(([id, lines]) => id !== '' && lines.length > 1 && !reported.has(id))
    .map(([id, lines]) => refundedTooOften(`refund ${id}`, lines, [id]))
  return [...byKey, ...byRefund]
}

function refundedTooOften(what: string, lines: readonly ProviderLine[], ids: string[]): Finding {
  const message = `${what} was refunded ${lines.length} times`
  const related = lines.flatMap(({ refundId, paymentId }) => [refundId, paymentId])
  return { promise: 'S1', message, ids: [...ids, ...related.filter(id => id !== undefined)] }
}

/**
 * S3 (money is conserved) for captures, in both directions: a payment that we call captured was captured,
 * and we know of every capture.
 */
export function checkMoney(facts: Facts): Finding[] {
  const s3 = (message: string, ids: string[]): Finding => ({ promise: 'S3', message, ids })
  const ours = facts.payments
    .filter(({ status }) => status === 'captured')
    .flatMap(row => {
      const captures = facts.capturesByPayment.get(row.paymentId) ?? []
      const capture = captures.find(({ intentId }) => intentId === row.providerPaymentId)
      const ids = [row.paymentId, row.publicationId]
      if (!capture) return [s3(`payment ${row.paymentId} is captured only in our table`, ids)]
      const differences = differencesOf(row, capture)
      const message = `payment ${row.paymentId} differs from its capture: ${differences.join(', ')}`
      return differences.length === 0 ? [] : [s3(message, ids)]
    })
  const theirs = facts.captures.flatMap(capture => {
    const { paymentId = '', intentId } = capture
    const { status, requestedAction } = facts.paymentById.get(paymentId) ?? {}
    // An open payment is reported by L1 (every pending payment is final). The next question to the
    // provider will find this capture.
    const isOpen =
      status === 'pending' || (status === 'authorized' && requestedAction === 'capture')
    if (status === 'captured' || isOpen) return []
    const known = status === undefined ? 'we have no such payment' : `our table calls it ${status}`
    return [s3(`the provider captured ${intentId}, and ${known}`, idsOf(capture))]
  })
  const publications = facts.publications
    .filter(({ status }) => status === 'captured' || status === 'published')
    .flatMap(row => {
      const payment = facts.paymentById.get(row.paymentId ?? '')
      const ids = [row.publicationId, ...(row.paymentId === null ? [] : [row.paymentId])]
      const name = `publication ${row.publicationId}`
      if (payment?.status !== 'captured') return [s3(`${name} has no captured payment`, ids)]
      const isSame =
        payment.amountCents === row.amountCents &&
        payment.currency === row.currency &&
        payment.tenantId === row.tenantId &&
        payment.listingId === row.listingId &&
        payment.publicationId === row.publicationId
      return isSame ? [] : [s3(`${name} differs from its payment`, ids)]
    })
  return [...ours, ...theirs, ...publications]
}

/** S3 (money is conserved) for authorizations: the provider has authorized or canceled what our table says. */
export function checkAuthorizations(facts: Facts): Finding[] {
  const lines = Map.groupBy(rowsOf(facts.evidence.provider), ({ intentId = '' }) => intentId)
  return facts.payments.flatMap(row => {
    const type = { authorized: 'intent.authorized', voided: 'intent.canceled' }[row.status]
    if (type === undefined) return []
    const { paymentId, providerPaymentId, publicationId, status } = row
    const line = lines.get(providerPaymentId ?? '')?.find(one => one.type === type)
    const s3 = (message: string): Finding[] => {
      return [{ promise: 'S3', message, ids: [paymentId, publicationId] }]
    }
    if (!line) return s3(`payment ${paymentId} is ${status} only in our table`)
    const differences = differencesOf(row, line)
    const what = `payment ${paymentId} differs from what is ${status} at the provider`
    return differences.length === 0 ? [] : s3(`${what}: ${differences.join(', ')}`)
  })
}

function differencesOf(row: PaymentRow, line: ProviderLine): string[] {
  const pairs = {
    amount: [row.amountCents, line.amount],
    currency: [row.currency.toLowerCase(), line.currency?.toLowerCase()],
    tenant: [row.tenantId, line.tenantId],
    publication: [row.publicationId, line.publicationId],
  }
  return Object.entries(pairs)
    .filter(([, [ours, theirs]]) => ours !== theirs)
    .map(([name, [ours, theirs]]) => `${name} ${ours}, provider ${theirs}`)
}

function idsOf({ paymentId, publicationId }: ProviderLine): string[] {
  return [paymentId, publicationId].filter(id => id !== undefined)
}
