import { randomUUID } from 'node:crypto'
import type { Corruption } from './auditor-corruption.ts'
import {
  addAttempt,
  directPaymentOf,
  journeyOf,
  nextSeq,
  remove,
  rows,
} from './auditor-evidence.ts'
import { giveBack, heldOf, post, postingOf, refundOf, removePosting } from './auditor-money.ts'

/** The ledger, by itself and against what the provider did. */
export const booksCorruptions: Corruption[] = [
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
    name: 'a posting is in the books of another employer',
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
      const { payment } = heldOf(evidence, 'captured')
      const { entryOf } = postingOf(evidence, payment.paymentId)
      entryOf('revenue').amountCents -= payment.taxCents
      entryOf('tax').amountCents = 0
    },
  },
  {
    name: 'the ledger says that the provider kept a cent less than it did',
    broken: 'S3',
    corrupt: evidence => {
      const { entryOf } = postingOf(evidence, journeyOf(evidence).payment.paymentId)
      entryOf('fees').amountCents -= 1
      entryOf('provider_clearing').amountCents += 1
    },
  },
]

/** Money that goes back. */
export const refundCorruptions: Corruption[] = [
  {
    name: 'a refund is given back twice',
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
      const { told, payment } = refundOf(evidence)
      const refundId = giveBack(evidence, payment, 1)
      const res = { ...told.res, refundId }
      addAttempt(evidence, told, { type: 'ok', status: 201, res })
    },
  },
  {
    name: 'the provider gave back what nobody here owes',
    broken: 'S3',
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      const ids = { refundId: randomUUID(), providerRefundId: 're_of_a_stranger', amount: 1 }
      rows(evidence, 'provider').push({ ...line, ...ids, seq: nextSeq(evidence, 'provider') })
    },
  },
  {
    name: 'the provider knows nothing of a refund that we call given back',
    broken: 'S3',
    alsoBroken: ['S8'],
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      remove(rows(evidence, 'provider'), row => row === line)
    },
  },
  {
    name: 'the provider gave back a cent less than we say',
    broken: 'S3',
    corrupt: evidence => {
      const { line } = refundOf(evidence)
      line.amount = (line.amount ?? 0) - 1
    },
  },
  {
    name: 'more is given back than came in',
    broken: 'S3',
    corrupt: evidence => {
      const { payment } = journeyOf(evidence)
      giveBack(evidence, payment, payment.amountCents)
      giveBack(evidence, payment, 1)
    },
  },
  {
    name: 'a payment does not know of its refund',
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
    name: 'a refund is posted that is only owed',
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
    name: 'a refund that was acknowledged as owed is gone',
    broken: 'S10',
    corrupt: evidence => {
      const { told } = refundOf(evidence)
      const res = { ...told.res, refundId: randomUUID(), status: 'pending' }
      const another = { ...told, key: `audit-${randomUUID()}` }
      addAttempt(evidence, another, { type: 'info', status: 202, res })
    },
  },
  {
    name: 'who was told "declined" and charged has only a part of it back',
    broken: 'S9',
    corrupt: evidence => {
      const { told, payment } = directPaymentOf(evidence)
      const refundId = giveBack(evidence, payment, 1)
      const res = { refundId, paymentId: payment.paymentId, status: 'succeeded' }
      const asked = {
        op: 'refund' as const,
        tenant: told.tenant,
        key: `audit-${refundId}`,
        req: {},
      }
      addAttempt(evidence, { ...asked, id: payment.paymentId }, { type: 'ok', status: 201, res })
      Object.assign(told, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a refund stays owed',
    broken: 'L1',
    corrupt: evidence => {
      const { refund, payment } = refundOf(evidence)
      const owed = { refundId: randomUUID(), amountCents: 1, taxCents: 0, status: 'pending' }
      const open = { providerRefundId: null, succeededAt: null }
      rows(evidence, 'refunds').push({ ...refund, ...owed, ...open })
      payment.refundedCents += 1
    },
  },
]

/** Money that is held. */
export const holdCorruptions: Corruption[] = [
  {
    name: 'money that we only hold was taken',
    broken: 'S3',
    corrupt: evidence => {
      const { lineOf } = heldOf(evidence, 'authorized')
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({
        ...lineOf('intent.authorized'),
        seq,
        type: 'intent.captured',
      })
    },
  },
  {
    name: 'the ledger has money that is only held',
    broken: 'S2',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { payment } = heldOf(evidence, 'authorized')
      const { paymentId, amountCents } = payment
      const accounts = { provider_clearing: amountCents, revenue: -amountCents }
      post(evidence, 'capture', { ...payment, sourceId: paymentId }, accounts)
    },
  },
  {
    name: 'the provider never heard that money was to be let go',
    broken: 'S3',
    corrupt: evidence => {
      const line = heldOf(evidence, 'voided').lineOf('intent.canceled')
      Object.assign(line, { type: 'request.dropped' })
    },
  },
  {
    name: 'the provider holds nothing of what we call held',
    broken: 'S3',
    corrupt: evidence => {
      const line = heldOf(evidence, 'authorized').lineOf('intent.authorized')
      Object.assign(line, { type: 'intent.created' })
    },
  },
  {
    name: 'the capture of money that is held stays undone',
    broken: 'L1',
    corrupt: evidence => {
      heldOf(evidence, 'authorized').payment.requestedAction = 'capture'
    },
  },
]
