import { randomUUID } from 'node:crypto'
import {
  addAttempt,
  answersAfterFault,
  type Corruption,
  declinedOf,
  directPaymentOf,
  find,
  journeyOf,
  killProcess,
  nextSeq,
  recordOf,
  remove,
  rows,
} from './auditor-evidence.ts'

/** Corruptions of the answers to clients. */
export const clientCorruptions: Corruption[] = [
  {
    name: 'a second answer under a key names another publication',
    broken: 'S7',
    alsoBroken: ['S10'],
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      const res = { ...answer.res, publicationId: randomUUID() }
      addAttempt(evidence, answer, { type: 'ok', status: 201, res })
    },
  },
  {
    name: 'a key succeeded with another body too',
    broken: 'S7',
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      const other = { ...answer, req: { ...answer.req, plan: 'featured' } }
      addAttempt(evidence, other, { type: 'ok', status: 201, res: { ...answer.res } })
    },
  },
  {
    name: 'a key was answered "paid", and then "declined"',
    broken: 'S9',
    alsoBroken: ['S7'],
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      addAttempt(evidence, answer, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a client was told "declined", and the card was charged',
    broken: 'S9',
    corrupt: evidence => {
      const { answer } = directPaymentOf(evidence)
      Object.assign(answer, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a payment was shown as declined, and the card was charged',
    broken: 'S9',
    alsoBroken: ['S8'],
    corrupt: evidence => {
      const { payment, answer } = directPaymentOf(evidence)
      const read = { ...answer, op: 'read' as const, id: payment.paymentId, req: { of: 'payment' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'declined' } })
    },
  },
  {
    name: 'a listing that was live is seen as payment_pending again',
    broken: 'S8',
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      const read = { ...answer, op: 'read' as const, req: { of: 'listing' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'live' } })
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'payment_pending' } })
    },
  },
  {
    name: 'a listing that was paid for is seen as a draft again',
    broken: 'S8',
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      const read = { ...answer, op: 'read' as const, req: { of: 'listing' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'draft' } })
    },
  },
  {
    name: 'a client was told "paid" about a payment that the provider declined',
    broken: 'S8',
    alsoBroken: ['S10'],
    corrupt: evidence => {
      const answer = declinedOf(evidence, 'pay')
      Object.assign(answer, { type: 'ok', status: 201, res: { paymentId: answer.res?.paymentId } })
    },
  },
  {
    name: 'an acknowledged draft is gone',
    broken: 'S10',
    corrupt: evidence => {
      const draft = find(rows(evidence, 'listings'), ({ status }) => status === 'draft')
      remove(rows(evidence, 'listings'), row => row === draft)
    },
  },
  {
    name: 'an acknowledged publication is gone',
    broken: 'S10',
    alsoBroken: ['S4b', 'S5'],
    corrupt: evidence => {
      const { publication } = journeyOf(evidence)
      remove(rows(evidence, 'publications'), row => row === publication)
    },
  },
  {
    name: 'a payment that was acknowledged as pending is gone',
    broken: 'S10',
    corrupt: evidence => {
      const { answer } = directPaymentOf(evidence)
      const res = { paymentId: randomUUID(), status: 'pending' }
      const another = { ...answer, key: `audit-${randomUUID()}`, req: {} }
      addAttempt(evidence, another, { type: 'info', status: 202, res })
    },
  },
  {
    name: 'a draft is acknowledged to one employer and belongs to another',
    broken: 'S10',
    corrupt: evidence => {
      const draft = find(rows(evidence, 'listings'), ({ status }) => status === 'draft')
      draft.tenantId = randomUUID()
    },
  },
  {
    name: 'a client was answered 500',
    broken: 'S15',
    corrupt: evidence => {
      const { answer } = journeyOf(evidence)
      addAttempt(evidence, answer, { type: 'info', status: 500, res: {} })
    },
  },
]

/** Corruptions of the public search and of mails. */
export const visibleCorruptions: Corruption[] = [
  {
    name: 'a draft is found by the public',
    broken: 'S5',
    corrupt: evidence => {
      const draft = find(rows(evidence, 'listings'), ({ status }) => status === 'draft')
      rows(evidence, 'search').push({ listingId: draft.listingId, status: 'live' })
    },
  },
  {
    name: 'a listing is live without a payment',
    broken: 'S5',
    alsoBroken: ['S4', 'L2'],
    corrupt: evidence => {
      const draft = find(rows(evidence, 'listings'), ({ status }) => status === 'draft')
      Object.assign(draft, { status: 'live', publishedAt: draft.createdAt })
    },
  },
  {
    name: 'a listing went live a millisecond before its payment',
    broken: 'S5',
    corrupt: evidence => {
      const { listing, capture } = journeyOf(evidence)
      listing.publishedAt = capture.t - 1
    },
  },
  {
    name: 'a candidate gets two different mails about one listing',
    broken: 'S6',
    corrupt: evidence => {
      const { mail } = journeyOf(evidence)
      const seq = nextSeq(evidence, 'mails')
      rows(evidence, 'mails').push({ ...mail, seq, messageId: '<another@nightshift.invalid>' })
    },
  },
  {
    name: 'a mail is sent again although no process died',
    broken: 'S6',
    corrupt: evidence => {
      const seq = nextSeq(evidence, 'mails')
      rows(evidence, 'mails').push({ ...journeyOf(evidence).mail, seq })
    },
  },
  {
    name: 'a mail comes four times, although notifications died',
    broken: 'S6',
    corrupt: evidence => {
      const { mail } = journeyOf(evidence)
      for (let copy = 0; copy < 3; copy += 1) {
        rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      }
      killProcess(evidence, 'notifications', mail.t)
    },
  },
  {
    name: 'one death repeats more mails than were being sent',
    broken: 'S6',
    corrupt: evidence => {
      const accepted = rows(evidence, 'mails').filter(({ type }) => type === 'mail.accepted')
      for (const mail of [...accepted.slice(0, 3), ...accepted.slice(0, 3)]) {
        rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      }
      killProcess(evidence, 'notifications', accepted[0]?.t ?? 0)
    },
  },
  {
    name: 'a mail went to another address',
    broken: 'S6',
    corrupt: evidence => {
      journeyOf(evidence).mail.recipients = ['0123456789abcdef']
    },
  },
  {
    name: 'a mail is marked as sent, and the mail server does not have it',
    broken: 'S6',
    corrupt: evidence => {
      const { mail } = journeyOf(evidence)
      Object.assign(mail, { type: 'mail.refused' })
    },
  },
  {
    name: 'two deliveries notify one candidate about one listing',
    broken: 'S6',
    corrupt: evidence => {
      const { delivery } = journeyOf(evidence)
      rows(evidence, 'deliveries').push({ ...delivery, deliveryId: randomUUID() })
    },
  },
]

/** Work that is never finished. */
export const livenessCorruptions: Corruption[] = [
  {
    name: 'a payment stays pending',
    broken: 'L1',
    corrupt: evidence => {
      const { payment } = directPaymentOf(evidence)
      const another = { paymentId: randomUUID(), publicationId: randomUUID(), status: 'pending' }
      const nothing = { providerPaymentId: null, refundedCents: 0 }
      rows(evidence, 'payments').push({ ...payment, ...another, ...nothing })
    },
  },
  {
    name: 'a publication stays paid, and its listing does not go live',
    broken: 'L2',
    corrupt: evidence => {
      journeyOf(evidence).publication.status = 'captured'
    },
  },
  {
    name: 'a live listing is not found by the public',
    broken: 'L2',
    corrupt: evidence => {
      rows(evidence, 'search').pop()
    },
  },
  {
    name: 'an event stays in the outbox',
    broken: 'L3',
    corrupt: evidence => {
      const { eventId } = recordOf(evidence, journeyOf(evidence).listing.listingId).event
      find(rows(evidence, 'listingOutbox'), row => row.eventId === eventId).publishedAt = null
    },
  },
  {
    name: 'a consumer group does not come to the end of its topic',
    broken: 'L3',
    corrupt: evidence => {
      const rest = find(rows(evidence, 'quiescence'), () => true)
      const left = { promise: 'L3' as const, what: 'listings is 4 behind', ids: [] }
      Object.assign(rest, { quiet: false, remaining: [left] })
    },
  },
  {
    name: 'a mail stays pending',
    broken: 'L4',
    corrupt: evidence => {
      Object.assign(journeyOf(evidence).delivery, { status: 'pending', sentAt: null })
    },
  },
  {
    name: 'a mail failed without a reason',
    broken: 'L4',
    corrupt: evidence => {
      Object.assign(journeyOf(evidence).delivery, { status: 'failed', sentAt: null })
    },
  },
  {
    name: 'answers stay dishonest after the last fault',
    broken: 'L5',
    corrupt: evidence => answersAfterFault(evidence, 40, [502]),
  },
  {
    name: 'every request is refused, honestly and for ever, after the last fault',
    broken: 'L5',
    corrupt: evidence => answersAfterFault(evidence, 40, [503]),
  },
]
