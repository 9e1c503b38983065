import { randomUUID } from 'node:crypto'
import {
  addAttempt,
  type Corruption,
  directPaymentOf,
  journeyOf,
  nextSeq,
  remove,
  rows,
} from './auditor-evidence.ts'
import {
  addRefund,
  authorizedOf,
  post,
  postingOf,
  refundOf,
  removePosting,
} from './auditor-money.ts'

/** Corruptions of the ledger, by itself and compared with the provider log. */
export const ledgerCorruptions: Corruption[] = [
  {
    name: 'the cards were charged, and the ledger is empty',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      for (const name of ['ledgerTransactions', 'ledgerEntries'] as const) {
        Object.assign(evidence[name], { rows: [] })
      }
    },
  },
  {
    name: 'one captured payment was never posted',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => removePosting(evidence, journeyOf(evidence).payment.paymentId),
  },
  {
    name: 'a posting has no entries',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { transactionId } = postingOf(
        evidence,
        journeyOf(evidence).payment.paymentId,
      ).transaction
      const left = rows(evidence, 'ledgerEntries').filter(
        row => row.transactionId !== transactionId,
      )
      Object.assign(evidence.ledgerEntries, { rows: left })
    },
  },
  {
    name: 'a posting does not sum to zero by a cent',
    broken: 'S2',
    corrupt: evidence => {
      postingOf(evidence, journeyOf(evidence).payment.paymentId).entryOf('revenue').amountCents += 1
    },
  },
  {
    name: 'a posting sums to zero only across two currencies',
    broken: 'S2',
    corrupt: evidence => {
      const { entryOf } = postingOf(evidence, journeyOf(evidence).payment.paymentId)
      entryOf('revenue').currency = 'USD'
    },
  },
  {
    name: 'a capture was posted twice',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { payment } = journeyOf(evidence)
      const { entries } = postingOf(evidence, payment.paymentId)
      const accounts = entries.map(({ account, amountCents }) => [account, amountCents] as const)
      const of = { ...payment, sourceId: payment.paymentId }
      post(evidence, 'capture', of, Object.fromEntries(accounts))
    },
  },
  {
    name: 'an entry belongs to no posting',
    broken: 'S2',
    corrupt: evidence => {
      const entry = { transactionId: '0', account: 'fees', amountCents: 1, currency: 'EUR' }
      rows(evidence, 'ledgerEntries').push(entry)
    },
  },
  {
    name: 'a posting belongs to another employer',
    broken: 'S2',
    corrupt: evidence => {
      const { transaction } = postingOf(evidence, journeyOf(evidence).payment.paymentId)
      transaction.tenantId = randomUUID()
    },
  },
  {
    name: 'the tax of a payment is posted as revenue',
    broken: 'S2',
    corrupt: evidence => {
      const { payment } = authorizedOf(evidence, 'captured')
      const { entryOf } = postingOf(evidence, payment.paymentId)
      entryOf('revenue').amountCents -= payment.taxCents
      entryOf('tax').amountCents = 0
    },
  },
  {
    name: 'the fee in the ledger is a cent less than the provider kept',
    broken: 'S3',
    corrupt: evidence => {
      const { entryOf } = postingOf(evidence, journeyOf(evidence).payment.paymentId)
      entryOf('fees').amountCents -= 1
      entryOf('provider_clearing').amountCents += 1
    },
  },
]

/** Corruptions of refunds. */
export const refundCorruptions: Corruption[] = [
  {
    name: 'a refund is made twice',
    broken: 'S1',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      const second = { ...line, seq: nextSeq(evidence, 'provider'), providerRefundId: 're_second' }
      rows(evidence, 'provider').push(second)
    },
  },
  {
    name: 'one key of a client became two refunds',
    broken: 'S1',
    alsoBroken: ['S7'],
    corrupt: evidence => {
      const { answer, payment } = refundOf(evidence)
      const refundId = addRefund(evidence, payment, 1)
      const res = { ...answer.res, refundId }
      addAttempt(evidence, answer, { type: 'ok', status: 201, res })
    },
  },
  {
    name: 'the provider made a refund that our table does not have',
    broken: 'S3',
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      const ids = { refundId: randomUUID(), providerRefundId: 're_unknown', amount: 1 }
      rows(evidence, 'provider').push({ ...line, ...ids, seq: nextSeq(evidence, 'provider') })
    },
  },
  {
    name: 'the provider does not have a refund that our table calls succeeded',
    broken: 'S3',
    alsoBroken: ['S8'],
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      remove(rows(evidence, 'provider'), row => row === line)
    },
  },
  {
    name: 'the provider refunded a cent less than our table says',
    broken: 'S3',
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      line.amount = (line.amount ?? 0) - 1
    },
  },
  {
    name: 'more is refunded than was captured',
    broken: 'S3',
    corrupt: evidence => {
      const { payment } = journeyOf(evidence)
      addRefund(evidence, payment, payment.amountCents)
      addRefund(evidence, payment, 1)
    },
  },
  {
    name: 'the refunded sum of a payment lacks a refund',
    broken: 'S3',
    corrupt: evidence => {
      refundOf(evidence).payment.refundedCents -= 1
    },
  },
  {
    name: 'a refund was never posted',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => removePosting(evidence, refundOf(evidence).refund.refundId),
  },
  {
    name: 'a refund is posted although it is pending',
    broken: 'L1',
    alsoBroken: ['S2', 'S3', 'S10'],
    corrupt: evidence => {
      const { refund } = refundOf(evidence)
      Object.assign(refund, { status: 'pending', providerRefundId: null, succeededAt: null })
    },
  },
  {
    name: 'an acknowledged refund is gone',
    broken: 'S10',
    alsoBroken: ['S2', 'S3'],
    corrupt: evidence => {
      const { refund } = refundOf(evidence)
      remove(rows(evidence, 'refunds'), row => row === refund)
    },
  },
  {
    name: 'a refund that was acknowledged as pending is gone',
    broken: 'S10',
    corrupt: evidence => {
      const { answer } = refundOf(evidence)
      const res = { ...answer.res, refundId: randomUUID(), status: 'pending' }
      const another = { ...answer, key: `audit-${randomUUID()}` }
      addAttempt(evidence, another, { type: 'info', status: 202, res })
    },
  },
  {
    name: 'a client that was told "declined" and charged has only part of the money back',
    broken: 'S9',
    corrupt: evidence => {
      const { answer, payment } = directPaymentOf(evidence)
      const refundId = addRefund(evidence, payment, 1)
      const res = { refundId, paymentId: payment.paymentId, status: 'succeeded' }
      const asked = {
        op: 'refund' as const,
        tenant: answer.tenant,
        key: `audit-${refundId}`,
        req: {},
      }
      addAttempt(evidence, { ...asked, id: payment.paymentId }, { type: 'ok', status: 201, res })
      Object.assign(answer, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a refund stays pending',
    broken: 'L1',
    corrupt: evidence => {
      const { refund, payment } = refundOf(evidence)
      const pending = { refundId: randomUUID(), amountCents: 1, taxCents: 0, status: 'pending' }
      const open = { providerRefundId: null, succeededAt: null }
      rows(evidence, 'refunds').push({ ...refund, ...pending, ...open })
      payment.refundedCents += 1
    },
  },
]

/** Corruptions of authorizations. */
export const authorizationCorruptions: Corruption[] = [
  {
    name: 'the provider captured what our table calls authorized',
    broken: 'S3',
    corrupt: evidence => {
      const { lineOf } = authorizedOf(evidence, 'authorized')
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({
        ...lineOf('intent.authorized'),
        seq,
        type: 'intent.captured',
      })
    },
  },
  {
    name: 'the ledger has a capture of a payment that is only authorized',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { payment } = authorizedOf(evidence, 'authorized')
      const { paymentId, amountCents } = payment
      const accounts = { provider_clearing: amountCents, revenue: -amountCents }
      post(evidence, 'capture', { ...payment, sourceId: paymentId }, accounts)
    },
  },
  {
    name: 'the provider never canceled what our table calls voided',
    broken: 'S3',
    corrupt: evidence => {
      const line = authorizedOf(evidence, 'voided').lineOf('intent.canceled')
      Object.assign(line, { type: 'request.dropped' })
    },
  },
  {
    name: 'the provider never authorized what our table calls authorized',
    broken: 'S3',
    corrupt: evidence => {
      const line = authorizedOf(evidence, 'authorized').lineOf('intent.authorized')
      Object.assign(line, { type: 'intent.created' })
    },
  },
  {
    name: 'a requested capture stays undone',
    broken: 'L1',
    corrupt: evidence => {
      authorizedOf(evidence, 'authorized').payment.requestedAction = 'capture'
    },
  },
]
