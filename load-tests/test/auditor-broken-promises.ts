import { randomUUID } from 'node:crypto'
import type { Corruption } from './auditor-corruption.ts'
import {
  addAttempt,
  answersAfterFault,
  declinedOf,
  directPaymentOf,
  find,
  journeyOf,
  nextSeq,
  recordOf,
  remove,
  rows,
  strike,
} from './auditor-evidence.ts'

/** What clients were told, and what they saw. */
export const clientCorruptions: Corruption[] = [
  {
    name: 'a second answer under a key names another publication',
    broken: 'S7',
    alsoBroken: ['S10'],
    corrupt: evidence => {
      const { told } = journeyOf(evidence)
      const res = { ...told.res, publicationId: randomUUID() }
      addAttempt(evidence, told, { type: 'ok', status: 201, res })
    },
  },
  {
    name: 'a key succeeded with another body too',
    broken: 'S7',
    corrupt: evidence => {
      const { told } = journeyOf(evidence)
      const other = { ...told, req: { ...told.req, plan: 'featured' } }
      addAttempt(evidence, other, { type: 'ok', status: 201, res: { ...told.res } })
    },
  },
  {
    name: 'a key was told "paid", and then "declined"',
    broken: 'S9',
    alsoBroken: ['S7'],
    corrupt: evidence => {
      const { told } = journeyOf(evidence)
      addAttempt(evidence, told, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a client was told "declined", and the card was charged',
    broken: 'S9',
    corrupt: evidence => {
      const { told } = directPaymentOf(evidence)
      Object.assign(told, { type: 'fail', status: 402, res: { declined: true } })
    },
  },
  {
    name: 'a payment was shown as declined, and the card was charged',
    broken: 'S9',
    alsoBroken: ['S8'],
    corrupt: evidence => {
      const { payment, told } = directPaymentOf(evidence)
      const read = { ...told, op: 'read' as const, id: payment.paymentId, req: { of: 'payment' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'declined' } })
    },
  },
  {
    name: 'a listing that was live is seen waiting again',
    broken: 'S8',
    corrupt: evidence => {
      const { told } = journeyOf(evidence)
      const read = { ...told, op: 'read' as const, req: { of: 'listing' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'live' } })
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'payment_pending' } })
    },
  },
  {
    name: 'a listing that was paid for is seen as a draft again',
    broken: 'S8',
    corrupt: evidence => {
      const { told } = journeyOf(evidence)
      const read = { ...told, op: 'read' as const, req: { of: 'listing' } }
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'draft' } })
    },
  },
  {
    name: 'a client was told "paid" of a payment that the provider declined',
    broken: 'S8',
    alsoBroken: ['S10'],
    corrupt: evidence => {
      const told = declinedOf(evidence, 'pay')
      Object.assign(told, { type: 'ok', status: 201, res: { paymentId: told.res?.paymentId } })
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
      const { told } = directPaymentOf(evidence)
      const res = { paymentId: randomUUID(), status: 'pending' }
      const another = { ...told, key: `audit-${randomUUID()}`, req: {} }
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
      const { told } = journeyOf(evidence)
      addAttempt(evidence, told, { type: 'info', status: 500, res: {} })
    },
  },
]

/** What the public sees, and whom a mail tells. */
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
    name: 'a listing is live that nobody paid for',
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
    name: 'a candidate is told of a listing by two different mails',
    broken: 'S6',
    corrupt: evidence => {
      const { mail } = journeyOf(evidence)
      const seq = nextSeq(evidence, 'mails')
      rows(evidence, 'mails').push({ ...mail, seq, messageId: '<another@nightshift.invalid>' })
    },
  },
  {
    name: 'a mail is sent again although nobody died',
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
      strike(evidence, 'notifications', mail.t)
    },
  },
  {
    name: 'one death leaves more copies than mails were being sent',
    broken: 'S6',
    corrupt: evidence => {
      const accepted = rows(evidence, 'mails').filter(({ type }) => type === 'mail.accepted')
      for (const mail of [...accepted.slice(0, 3), ...accepted.slice(0, 3)]) {
        rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      }
      strike(evidence, 'notifications', accepted[0]?.t ?? 0)
    },
  },
  {
    name: 'a mail went to somebody else',
    broken: 'S6',
    corrupt: evidence => {
      journeyOf(evidence).mail.recipients = ['0123456789abcdef']
    },
  },
  {
    name: 'a mail is called sent that no mail server has',
    broken: 'S6',
    corrupt: evidence => {
      const { mail } = journeyOf(evidence)
      Object.assign(mail, { type: 'mail.refused' })
    },
  },
  {
    name: 'two deliveries are to tell one candidate of one listing',
    broken: 'S6',
    corrupt: evidence => {
      const { delivery } = journeyOf(evidence)
      rows(evidence, 'deliveries').push({ ...delivery, deliveryId: randomUUID() })
    },
  },
]

/** What does not come to an end. */
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
    name: 'a publication stays paid and its listing dark',
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
    name: 'a consumer does not come to the end of its topic',
    broken: 'L3',
    corrupt: evidence => {
      const rest = find(rows(evidence, 'quiescence'), () => true)
      const left = { invariant: 'L3' as const, what: 'listings is 4 behind', ids: [] }
      Object.assign(rest, { quiet: false, remaining: [left] })
    },
  },
  {
    name: 'a mail is neither sent nor given up',
    broken: 'L4',
    corrupt: evidence => {
      Object.assign(journeyOf(evidence).delivery, { status: 'pending', sentAt: null })
    },
  },
  {
    name: 'a mail is given up without a reason',
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
    name: 'everybody is refused, honestly and for ever, after the last fault',
    broken: 'L5',
    corrupt: evidence => answersAfterFault(evidence, 40, [503]),
  },
]
