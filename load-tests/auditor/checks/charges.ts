import { type PaymentRow, type ProviderLine, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/**
 * S1. The provider's own log is counted, never a table of ours: per key of a client, per payment,
 * and per publication, because a service that ignores keys makes a new payment each time.
 */
export function checkOneCharge(facts: Facts): Finding[] {
  const reported = new Set<ProviderLine>()
  const report = (what: string, captures: readonly ProviderLine[], ids: readonly string[]) => {
    if (captures.length < 2 || captures.every(one => reported.has(one))) return []
    for (const one of captures) reported.add(one)
    const message = `${what} was charged ${captures.length} times`
    return [{ invariant: 'S1' as const, message, ids: [...ids, ...captures.flatMap(idsOf)] }]
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

/** S1 for money that goes back: per key of a client, and per refund of ours. */
export function checkOneRefund(facts: Facts): Finding[] {
  const keys = facts.intents
    .filter(({ op }) => op === 'refund')
    .flatMap(intent => {
      const given = facts.refundLinesOf(intent)
      if (given.length < 2) return []
      return [givenTooOften(`key ${intent.key}`, given, [intent.key])]
    })
  const told = new Set(keys.flatMap(({ ids }) => ids))
  const refunds = [...facts.refundLinesByRefund]
    .filter(([id, given]) => id !== '' && given.length > 1 && !told.has(id))
    .map(([id, given]) => givenTooOften(`refund ${id}`, given, [id]))
  return [...keys, ...refunds]
}

function givenTooOften(what: string, given: readonly ProviderLine[], ids: string[]): Finding {
  const message = `${what} was given back ${given.length} times`
  const of = given.flatMap(({ refundId, paymentId }) => [refundId, paymentId])
  return { invariant: 'S1', message, ids: [...ids, ...of.filter(id => id !== undefined)] }
}

/** S3. Both ways: what we call captured was captured, and what was captured we call captured. */
export function checkMoney(facts: Facts): Finding[] {
  const s3 = (message: string, ids: string[]): Finding => ({ invariant: 'S3', message, ids })
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
    const { status, requestedAction: wanted } = facts.paymentById.get(paymentId) ?? {}
    // One that is open is told by L1: whoever asks again will learn of the capture.
    const isOpen = status === 'pending' || (status === 'authorized' && wanted === 'capture')
    if (status === 'captured' || isOpen) return []
    const known = status === undefined ? 'we have no such payment' : `we call it ${status}`
    return [s3(`the provider captured ${intentId} and ${known}`, idsOf(capture))]
  })
  const publications = facts.publications
    .filter(({ status }) => status === 'captured' || status === 'published')
    .flatMap(row => {
      const payment = facts.paymentById.get(row.paymentId ?? '')
      const ids = [row.publicationId, ...(row.paymentId === null ? [] : [row.paymentId])]
      const name = `publication ${row.publicationId}`
      if (payment?.status !== 'captured') return [s3(`${name} is paid by no captured payment`, ids)]
      const same =
        payment.amountCents === row.amountCents &&
        payment.currency === row.currency &&
        payment.tenantId === row.tenantId &&
        payment.listingId === row.listingId &&
        payment.publicationId === row.publicationId
      return same ? [] : [s3(`${name} is not what its payment paid for`, ids)]
    })
  return [...ours, ...theirs, ...publications]
}

/** S3 for money that is held, or was: the provider holds it, or let it go. */
export function checkHolds(facts: Facts): Finding[] {
  const lines = Map.groupBy(rowsOf(facts.evidence.provider), ({ intentId = '' }) => intentId)
  return facts.payments.flatMap(row => {
    const type = { authorized: 'intent.authorized', voided: 'intent.canceled' }[row.status]
    if (type === undefined) return []
    const { paymentId, providerPaymentId, publicationId, status } = row
    const line = lines.get(providerPaymentId ?? '')?.find(one => one.type === type)
    const s3 = (message: string): Finding[] => {
      return [{ invariant: 'S3', message, ids: [paymentId, publicationId] }]
    }
    if (!line) return s3(`payment ${paymentId} is ${status} only in our table`)
    const differences = differencesOf(row, line)
    const what = `payment ${paymentId} differs from what is ${status}`
    return differences.length === 0 ? [] : s3(`${what}: ${differences.join(', ')}`)
  })
}

function differencesOf(row: PaymentRow, capture: ProviderLine): string[] {
  const pairs = {
    amount: [row.amountCents, capture.amount],
    currency: [row.currency.toLowerCase(), capture.currency?.toLowerCase()],
    tenant: [row.tenantId, capture.tenantId],
    publication: [row.publicationId, capture.publicationId],
  }
  return Object.entries(pairs)
    .filter(([, [we, they]]) => we !== they)
    .map(([name, [we, they]]) => `${name} ${we}, there ${they}`)
}

function idsOf({ paymentId, publicationId }: ProviderLine): string[] {
  return [paymentId, publicationId].filter(id => id !== undefined)
}
