import { randomUUID } from 'node:crypto'
import type { Evidence, LedgerEntryRow, PaymentRow } from '../auditor/evidence.ts'
import { find, nextSeq, rows } from './auditor-evidence.ts'

/** The posting of a payment or a refund, with its entries. */
export function postingOf(evidence: Evidence, sourceId: string) {
  const transaction = find(rows(evidence, 'ledgerTransactions'), row => row.sourceId === sourceId)
  const { transactionId } = transaction
  const entries = rows(evidence, 'ledgerEntries').filter(row => row.transactionId === transactionId)
  const entryOf = (account: string) => find(entries, row => row.account === account)
  return { transaction, entries, entryOf }
}

/** Removes a posting and its entries from the ledger. */
export function removePosting(evidence: Evidence, sourceId: string): void {
  const { transactionId } = postingOf(evidence, sourceId).transaction
  for (const name of ['ledgerTransactions', 'ledgerEntries'] as const) {
    const left = rows(evidence, name).filter(row => row.transactionId !== transactionId)
    Object.assign(evidence[name], { rows: left })
  }
}

/** Adds a posting, as the service would. */
export function post(
  evidence: Evidence,
  source: 'capture' | 'refund',
  of: Pick<PaymentRow, 'tenantId' | 'paymentId' | 'currency'> & { sourceId: string },
  accounts: Readonly<Record<string, number>>,
): void {
  const { tenantId, paymentId, currency, sourceId } = of
  const transactionId = randomUUID()
  const transaction = { transactionId, tenantId, source, sourceId, paymentId, postedAt: Date.now() }
  rows(evidence, 'ledgerTransactions').push(transaction)
  const entries = Object.entries(accounts).map(
    ([account, amountCents]): LedgerEntryRow => ({ transactionId, account, amountCents, currency }),
  )
  rows(evidence, 'ledgerEntries').push(...entries)
}

/** Adds a refund to every source: the table, the provider log, and the ledger. */
export function addRefund(evidence: Evidence, payment: PaymentRow, amountCents: number): string {
  const refundId = randomUUID()
  const { paymentId, tenantId, publicationId, providerPaymentId, currency } = payment
  const providerRefundId = `re_${refundId}`
  const t = Date.now()
  const row = { refundId, tenantId, paymentId, amountCents, taxCents: 0, providerRefundId }
  rows(evidence, 'refunds').push({ ...row, status: 'succeeded', createdAt: t, succeededAt: t })
  payment.refundedCents += amountCents
  rows(evidence, 'provider').push({
    t,
    seq: nextSeq(evidence, 'provider'),
    type: 'refund.succeeded',
    intentId: providerPaymentId ?? '',
    amount: amountCents,
    currency: currency.toLowerCase(),
    paymentId,
    publicationId,
    tenantId,
    refundId,
    providerRefundId,
  })
  const accounts = { refunds: amountCents, provider_clearing: -amountCents }
  post(evidence, 'refund', { ...payment, sourceId: refundId }, accounts)
  return refundId
}

/** A refund that a client asked for, in each source. */
export function refundOf(evidence: Evidence) {
  const answer = find(
    rows(evidence, 'history'),
    ({ op, type, res }) => op === 'refund' && type === 'ok' && res?.replayed === undefined,
  )
  const refund = find(rows(evidence, 'refunds'), row => row.refundId === answer.res?.refundId)
  const { refundId, paymentId } = refund
  return {
    answer,
    refund,
    payment: find(rows(evidence, 'payments'), row => row.paymentId === paymentId),
    line: find(
      rows(evidence, 'provider'),
      row => row.type === 'refund.succeeded' && row.refundId === refundId,
    ),
  }
}

/** A payment with an authorization that is now in this state, and its lines in the provider log. */
export function authorizedOf(evidence: Evidence, status: 'authorized' | 'voided' | 'captured') {
  const provider = rows(evidence, 'provider')
  const authorized = new Set(
    provider.filter(({ type }) => type === 'intent.authorized').map(({ paymentId }) => paymentId),
  )
  const payment = find(
    rows(evidence, 'payments'),
    row => row.status === status && authorized.has(row.paymentId),
  )
  const lines = provider.filter(({ paymentId }) => paymentId === payment.paymentId)
  const lineOf = (type: string) => find(lines, row => row.type === type)
  return { payment, lineOf }
}
