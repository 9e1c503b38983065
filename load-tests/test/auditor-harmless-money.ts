import type { Evidence, SourceName } from '../auditor/evidence.ts'
import { addAttempt, directPaymentOf, journeyOf, nextSeq, rows } from './auditor-evidence.ts'
import { addRefund, authorizedOf, refundOf } from './auditor-money.ts'

/** Changes of money that happen in a healthy system. The auditor must not report them. */
export const harmlessMoney: { name: string; change: (evidence: Evidence) => void }[] = [
  {
    name: 'an authorization is voided',
    change: evidence => {
      const { payment, lineOf } = authorizedOf(evidence, 'authorized')
      payment.status = 'voided'
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({
        ...lineOf('intent.authorized'),
        seq,
        type: 'intent.canceled',
      })
    },
  },
  {
    name: 'a payment is refunded in parts until nothing is left',
    change: evidence => {
      const { payment } = journeyOf(evidence)
      for (const cents of [1, 99, payment.amountCents - 100]) addRefund(evidence, payment, cents)
    },
  },
  {
    name: 'the answer to a refund is replayed under its key',
    change: evidence => {
      const { answer } = refundOf(evidence)
      addAttempt(evidence, answer, {
        type: 'ok',
        status: 201,
        res: { ...answer.res, replayed: true },
      })
    },
  },
  {
    name: 'the answer to a refund was lost',
    change: evidence => {
      Object.assign(refundOf(evidence).answer, { type: 'info', status: 0, res: {} })
    },
  },
  {
    name: 'a client that was told "declined" and charged was refunded in full, and told so',
    change: evidence => {
      const { answer, payment } = directPaymentOf(evidence)
      const { paymentId, amountCents, refundedCents } = payment
      const refundId = addRefund(evidence, payment, amountCents - refundedCents)
      const res = { refundId, paymentId, status: 'succeeded' }
      const asked = {
        op: 'refund' as const,
        tenant: answer.tenant,
        key: `audit-${refundId}`,
        req: {},
      }
      addAttempt(evidence, { ...asked, id: paymentId }, { type: 'ok', status: 201, res })
      Object.assign(answer, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  { name: 'no client asked for a refund', change: forgetRefunds },
]

/** Removes every trace of a refund. */
function forgetRefunds(evidence: Evidence): void {
  const ids = new Set(rows(evidence, 'refunds').map(({ refundId }) => refundId))
  const isPosted = new Set(
    rows(evidence, 'ledgerTransactions')
      .filter(({ sourceId }) => ids.has(sourceId))
      .map(({ transactionId }) => transactionId),
  )
  const keep = (name: SourceName, left: readonly object[]) =>
    Object.assign(evidence[name], { rows: left })
  const isLeft = ({ transactionId }: { transactionId: string }) => !isPosted.has(transactionId)
  keep('refunds', [])
  keep('ledgerTransactions', rows(evidence, 'ledgerTransactions').filter(isLeft))
  keep('ledgerEntries', rows(evidence, 'ledgerEntries').filter(isLeft))
  keep(
    'history',
    rows(evidence, 'history').filter(({ op }) => op !== 'refund'),
  )
  keep(
    'paymentKeys',
    rows(evidence, 'paymentKeys').filter(({ subjectId }) => !ids.has(subjectId)),
  )
  const lines = rows(evidence, 'provider').filter(({ refundId }) => refundId === undefined)
  keep(
    'provider',
    lines.map((line, index) => ({ ...line, seq: index + 1 })),
  )
  for (const payment of rows(evidence, 'payments')) payment.refundedCents = 0
}
