import { randomUUID } from 'node:crypto'
import { eventsKeptDays } from '@nightshift/contracts/topics'
import {
  addAttempt,
  append,
  type Corruption,
  collectAt,
  collectedAt,
  deadLetterFor,
  directPaymentOf,
  find,
  forgetOldest,
  journeyOf,
  nextSeq,
  pauseForAWeek,
  remove,
  rows,
} from './auditor-evidence.ts'

/** Corruptions of payments and captures. */
export const moneyCorruptions: Corruption[] = [
  {
    name: 'the card is charged twice for one payment',
    broken: 'S1',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { capture } = journeyOf(evidence)
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({ ...capture, seq, intentId: 'pi_second' })
    },
  },
  {
    name: 'one key of a client became two payments',
    broken: 'S1',
    alsoBroken: ['S3'],
    corrupt: evidence => {
      const { payment } = directPaymentOf(evidence)
      const capture = find(rows(evidence, 'provider'), row => row.paymentId === payment.paymentId)
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({ ...capture, seq, paymentId: randomUUID() })
    },
  },
  {
    name: 'a key was answered with one payment, and stored with another',
    broken: 'S1',
    alsoBroken: ['S7'],
    corrupt: evidence => {
      const { answer } = directPaymentOf(evidence)
      const other = find(
        rows(evidence, 'history'),
        line =>
          line.op === 'pay' &&
          line.type === 'ok' &&
          line.tenant === answer.tenant &&
          line !== answer,
      )
      addAttempt(evidence, answer, { type: 'ok', status: 201, res: { ...other.res } })
    },
  },
  {
    name: 'the provider took one cent more',
    broken: 'S3',
    corrupt: evidence => {
      const { capture } = journeyOf(evidence)
      capture.amount = (capture.amount ?? 0) + 1
    },
  },
  {
    name: 'the provider captured for another employer',
    broken: 'S3',
    corrupt: evidence => {
      journeyOf(evidence).capture.tenantId = randomUUID()
    },
  },
  {
    name: 'our payment has one cent less',
    broken: 'S3',
    alsoBroken: ['S2', 'S4b'],
    corrupt: evidence => {
      journeyOf(evidence).payment.amountCents -= 1
    },
  },
  {
    name: 'the publication had another price than its payment',
    broken: 'S3',
    corrupt: evidence => {
      journeyOf(evidence).publication.amountCents += 1
    },
  },
  {
    name: 'the provider does not have a payment that our table calls captured',
    broken: 'S3',
    alsoBroken: ['S5', 'S8'],
    corrupt: evidence => {
      const { capture } = journeyOf(evidence)
      remove(rows(evidence, 'provider'), row => row === capture)
    },
  },
  {
    name: 'the row of a captured payment is gone',
    broken: 'S3',
    alsoBroken: ['S2', 'S4b', 'S10'],
    corrupt: evidence => {
      const { payment } = directPaymentOf(evidence)
      remove(rows(evidence, 'payments'), row => row === payment)
    },
  },
]

/** Corruptions of topics, outboxes and inboxes. */
export const eventCorruptions: Corruption[] = [
  {
    name: 'the event of a captured payment never came to the topic',
    broken: 'S4',
    alsoBroken: ['S14'],
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      remove(
        rows(evidence, 'records'),
        ({ event }) => event?.eventId === paymentRecord.event.eventId,
      )
    },
  },
  {
    name: 'the event of a live listing never came to the topic',
    broken: 'S4',
    alsoBroken: ['S14'],
    corrupt: evidence => {
      const { listingRecord } = journeyOf(evidence)
      remove(
        rows(evidence, 'records'),
        ({ event }) => event?.eventId === listingRecord.event.eventId,
      )
    },
  },
  {
    name: 'an event is gone from a topic that has forgotten older ones',
    broken: 'S4',
    alsoBroken: ['S14'],
    corrupt: evidence => {
      const last = forgetOldest(evidence, 'listings.v1')
      remove(rows(evidence, 'records'), row => row === last)
      // The lost event is just so young that the topic may not forget it.
      const outbox = rows(evidence, 'listingOutbox')
      const { createdAt } = find(outbox, ({ eventId }) => eventId === last.event?.eventId)
      collectAt(evidence, createdAt - 1 + eventsKeptDays * 86_400_000)
    },
  },
  {
    name: 'an event is lost after a week in which the topics have forgotten all others',
    broken: 'S4',
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      pauseForAWeek(evidence)
      const now = collectedAt(evidence)
      append(evidence, { ...paymentRecord, t: now - 60_000 })
      const lost = { eventId: randomUUID(), createdAt: now - 30_000, publishedAt: now - 30_000 }
      rows(evidence, 'paymentOutbox').push({
        ...find(rows(evidence, 'paymentOutbox'), () => true),
        ...lost,
      })
    },
  },
  {
    name: 'the outbox marks an event as published that is not on the topic',
    broken: 'S4',
    corrupt: evidence => {
      const row = find(rows(evidence, 'paymentOutbox'), () => true)
      rows(evidence, 'paymentOutbox').push({ ...row, eventId: randomUUID() })
    },
  },
  {
    name: 'an event says captured about a payment that was declined',
    broken: 'S4b',
    alsoBroken: ['S4'],
    corrupt: evidence => {
      const record = find(
        rows(evidence, 'records'),
        ({ event }) => event?.type === 'payment.declined',
      )
      if (record.event) record.event.type = 'payment.captured'
    },
  },
  {
    name: 'an event is about a payment that does not exist',
    broken: 'S4b',
    alsoBroken: ['S6', 'S14'],
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      const ids = { eventId: randomUUID(), aggregateId: randomUUID(), paymentId: randomUUID() }
      append(evidence, { ...paymentRecord, event: { ...paymentRecord.event, ...ids } })
    },
  },
  {
    name: 'an event has another amount than its payment',
    broken: 'S4b',
    corrupt: evidence => {
      journeyOf(evidence).paymentRecord.event.amountCents = 1
    },
  },
  {
    name: 'an event says published about a listing that is a draft',
    broken: 'S4b',
    alsoBroken: ['L2'],
    corrupt: evidence => {
      const { listing } = journeyOf(evidence)
      listing.status = 'draft'
      remove(rows(evidence, 'search'), row => row.listingId === listing.listingId)
    },
  },
  {
    name: 'the same change was published under two event ids',
    broken: 'S4b',
    alsoBroken: ['S4c', 'S6', 'S14'],
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      append(evidence, {
        ...paymentRecord,
        event: { ...paymentRecord.event, eventId: randomUUID() },
      })
    },
  },
  {
    name: 'a second delivery of an event has another content',
    broken: 'S4b',
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      append(evidence, { ...paymentRecord, event: { ...paymentRecord.event, amountCents: 1 } })
    },
  },
  {
    name: 'an older version of a listing came after a newer one',
    broken: 'S4c',
    alsoBroken: ['S4b', 'S6', 'S14'],
    corrupt: evidence => {
      const { listingRecord } = journeyOf(evidence)
      const { event } = listingRecord
      const older = { eventId: randomUUID(), aggregateVersion: event.aggregateVersion - 1 }
      append(evidence, { ...listingRecord, event: { ...event, ...older } })
    },
  },
  {
    name: 'the events of one payment are in two partitions',
    broken: 'S4c',
    corrupt: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      const partition = (paymentRecord.partition + 1) % 4
      append(evidence, { ...paymentRecord, partition })
    },
  },
  {
    name: 'a record was skipped, and not dead-lettered',
    broken: 'S14',
    corrupt: evidence => {
      append(evidence, { topic: 'payments.v1', partition: 0, t: 0, unreadable: 'not JSON' })
    },
  },
  {
    name: 'an unreadable record was dead-lettered',
    broken: 'S14',
    corrupt: evidence => {
      const unreadable = { topic: 'payments.v1', partition: 0, t: 0, unreadable: 'not JSON' }
      append(evidence, deadLetterFor(append(evidence, unreadable), 'it does not fit its contract'))
    },
  },
  {
    name: 'the event of a payment for a real publication was dead-lettered',
    broken: 'S14',
    corrupt: evidence => {
      append(evidence, deadLetterFor(journeyOf(evidence).paymentRecord, 'it is of another tenant'))
    },
  },
  {
    name: 'the dead letter of an event is gone',
    broken: 'S14',
    alsoBroken: ['S6'],
    corrupt: evidence => {
      remove(rows(evidence, 'records'), ({ deadLetter }) => deadLetter !== undefined)
    },
  },
  {
    name: 'a dead letter names a record that does not exist',
    broken: 'S14',
    corrupt: evidence => {
      const letter = find(rows(evidence, 'records'), ({ deadLetter }) => deadLetter !== undefined)
      if (!letter.deadLetter) return
      append(evidence, { ...letter, deadLetter: { ...letter.deadLetter, offset: 9_999 } })
    },
  },
  {
    name: 'the dead letter of a batch lacks one of its records',
    broken: 'S14',
    corrupt: evidence => {
      const letter = find(rows(evidence, 'records'), ({ deadLetter }) => deadLetter !== undefined)
      const at = { topic: 'payments.v1', partition: 0 }
      const unreadable = 'it breaks the contract of payments.v1'
      const [first, middle] = [1, 2, 3].map(() => append(evidence, { ...at, t: 0, unreadable }))
      if (!first || !middle) return
      const range = { firstOffset: first.offset, offset: middle.offset }
      append(evidence, { ...letter, deadLetter: { ...at, ...range, reason: 'bad checksum' } })
    },
  },
  {
    name: 'a dead letter has no reason',
    broken: 'S14',
    corrupt: evidence => {
      const letter = find(rows(evidence, 'records'), ({ deadLetter }) => deadLetter !== undefined)
      if (letter.deadLetter) letter.deadLetter.reason = ''
    },
  },
  {
    name: 'an event was applied that is not on the topic',
    broken: 'S14',
    corrupt: evidence => {
      const row = find(rows(evidence, 'listingInbox'), () => true)
      rows(evidence, 'listingInbox').push({ ...row, eventId: randomUUID() })
    },
  },
  {
    name: 'an event was never applied',
    broken: 'S6',
    alsoBroken: ['S14'],
    corrupt: evidence => {
      rows(evidence, 'notificationInbox').pop()
    },
  },
  {
    name: 'an event was applied twice',
    broken: 'S6',
    corrupt: evidence => {
      const row = find(rows(evidence, 'listingInbox'), () => true)
      rows(evidence, 'listingInbox').push({ ...row })
    },
  },
]
