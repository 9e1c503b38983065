import { randomUUID } from 'node:crypto'
import { type Evidence, sourceNames } from '../auditor/evidence.ts'
import {
  addAttempt,
  answersAfterFault,
  append,
  collectAt,
  collectedAt,
  deadLetterFor,
  directPaymentOf,
  find,
  forgetOldest,
  journeyOf,
  killProcess,
  nextSeq,
  pauseForAWeek,
  rows,
} from './auditor-evidence.ts'

/** Changes that happen in a healthy system. The auditor must not report them. */
export const harmlessChanges: { name: string; change: (evidence: Evidence) => void }[] = [
  {
    name: 'after the last fault, some requests are refused and most are served',
    change: evidence => answersAfterFault(evidence, 40, [201, 201, 503]),
  },
  {
    name: 'the topics have forgotten the oldest events, and so have the services',
    change: evidence => {
      forgetOldest(evidence, 'payments.v1')
      forgetOldest(evidence, 'listings.v1')
      collectAt(evidence, collectedAt(evidence) + 8 * 86_400_000)
    },
  },
  {
    name: 'after more than a week without an event, the topics have forgotten all of them',
    change: pauseForAWeek,
  },
  {
    name: 'after more than a week without an event, a partition that has forgotten gets a fresh record',
    change: evidence => {
      const { paymentRecord } = journeyOf(evidence)
      pauseForAWeek(evidence)
      append(evidence, { ...paymentRecord, t: collectedAt(evidence) - 60_000 })
    },
  },
  {
    name: 'events that were applied after a pause are forgotten, and so are the records of dead letters',
    change: evidence => {
      pauseForAWeek(evidence)
      const at = collectedAt(evidence) - 60_000
      for (const row of rows(evidence, 'listingInbox')) row.appliedAt = at
      for (const record of rows(evidence, 'records')) record.t = at
    },
  },
  {
    name: 'an event is delivered twice',
    change: evidence => {
      append(evidence, journeyOf(evidence).paymentRecord)
    },
  },
  {
    name: 'the lines of different clients are written in another order',
    change: evidence => {
      rows(evidence, 'history').reverse()
    },
  },
  {
    name: 'the answer to a request that took effect was lost',
    change: evidence => {
      Object.assign(directPaymentOf(evidence).answer, { type: 'info', status: 0, res: {} })
    },
  },
  {
    name: 'the answer to a request that took no effect was lost',
    change: evidence => {
      const { answer } = directPaymentOf(evidence)
      const another = { publicationId: randomUUID(), key: `audit-${randomUUID()}` }
      const req = { ...answer.req, publicationId: another.publicationId }
      addAttempt(
        evidence,
        { ...answer, key: another.key, req },
        { type: 'info', status: 0, res: {} },
      )
    },
  },
  {
    name: 'a client died before its answer came',
    change: evidence => {
      addAttempt(evidence, directPaymentOf(evidence).answer, undefined)
    },
  },
  {
    name: 'an answer is replayed under its key',
    change: evidence => {
      const { answer } = journeyOf(evidence)
      const res = { ...answer.res, replayed: true }
      addAttempt(evidence, answer, { type: 'ok', status: 201, res })
    },
  },
  {
    name: 'another employer uses the same key, and is refused',
    change: evidence => {
      const { answer } = directPaymentOf(evidence)
      const other = { ...answer, tenant: randomUUID() }
      addAttempt(evidence, other, { type: 'fail', status: 422, res: {} })
    },
  },
  {
    name: 'two reads that overlap see the states in either order',
    change: evidence => {
      const seen = rows(evidence, 'history').filter(
        ({ op, type }) => op === 'read' && type === 'ok',
      )
      const live = new Set(seen.filter(({ res }) => res?.status === 'live').map(({ id }) => id))
      const read = find(seen, ({ id, res }) => res?.status === 'payment_pending' && !live.has(id))
      addAttempt(evidence, read, { type: 'ok', status: 200, res: { status: 'live' } })
      const at = { type: 'ok', status: 200, res: { status: 'payment_pending' } } as const
      // This read begins 5 ms before the other one ends.
      addAttempt(evidence, read, at, -5)
    },
  },
  {
    name: 'fields and rows are in another order',
    change: evidence => {
      for (const name of sourceNames) {
        const reversed = rows(evidence, name).map(row =>
          Object.fromEntries(Object.entries(row).reverse()),
        )
        Object.assign(evidence[name], { rows: reversed.reverse() })
      }
    },
  },
  {
    name: 'the logs have lines of an unknown type',
    change: evidence => {
      const { t } = journeyOf(evidence).mail
      const seq = nextSeq(evidence, 'provider')
      rows(evidence, 'provider').push({ t, seq, type: 'quota.changed' })
      const mail = { messageId: null, recipients: [], type: 'queue.flushed' }
      rows(evidence, 'mails').push({ t, seq: nextSeq(evidence, 'mails'), ...mail })
      rows(evidence, 'faultLog').push({ t, kind: 'toxic', action: 'change', name: 'redis/latency' })
    },
  },
  {
    name: 'a mail is sent again after notifications died',
    change: evidence => {
      const { mail } = journeyOf(evidence)
      rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      killProcess(evidence, 'notifications', mail.t)
    },
  },
  {
    name: 'a mail is sent again after the second instance of notifications died',
    change: evidence => {
      const { mail } = journeyOf(evidence)
      rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      killProcess(evidence, 'notifications-2', mail.t)
    },
  },
  {
    name: 'one death of notifications repeats each of the four mails that were being sent',
    change: evidence => {
      const accepted = rows(evidence, 'mails').filter(({ type }) => type === 'mail.accepted')
      for (const mail of accepted.slice(0, 4)) {
        rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      }
      killProcess(evidence, 'notifications', accepted[0]?.t ?? 0)
    },
  },
  {
    name: 'a mail server that did not answer got a mail three times',
    change: evidence => {
      const { mail } = journeyOf(evidence)
      for (const type of ['mail.accepted', 'mail.unanswered', 'mail.accepted']) {
        rows(evidence, 'mails').push({ ...mail, type, seq: nextSeq(evidence, 'mails') })
      }
    },
  },
  {
    name: 'the mail server was killed, and gets a mail again',
    change: evidence => {
      const { mail } = journeyOf(evidence)
      rows(evidence, 'mails').push({ ...mail, seq: nextSeq(evidence, 'mails') })
      killProcess(evidence, 'mailbox', mail.t)
    },
  },
  {
    name: 'a mail asks to confirm an address, and is about no listing',
    change: evidence => {
      const { mail } = journeyOf(evidence)
      const { listingId: _, ...request } = mail
      const messageId = '<confirmation.4e311603-0000-4000-8000-000000000001@nightshift.invalid>'
      const seq = nextSeq(evidence, 'mails')
      rows(evidence, 'mails').push({ ...request, seq, messageId, kind: 'confirmation' })
    },
  },
  {
    name: 'a record of another producer is dead-lettered, and the fault log names that producer',
    change: evidence => {
      const { t } = journeyOf(evidence).mail
      const foreign = { topic: 'payments.v1', partition: 0, t, unreadable: 'not JSON' }
      append(evidence, deadLetterFor(append(evidence, foreign), 'it does not fit its contract'))
      const fault = { t, kind: 'producer', name: 'writes what is no event' }
      rows(evidence, 'faultLog').push({ ...fault, action: 'begin' }, { ...fault, action: 'end' })
    },
  },
  {
    name: 'a dead letter is written twice',
    change: evidence => {
      append(
        evidence,
        find(rows(evidence, 'records'), ({ deadLetter }) => deadLetter !== undefined),
      )
    },
  },
  {
    name: 'a topic has offsets without a record',
    change: evidence => {
      const partition = find(rows(evidence, 'partitions'), ({ topic }) => topic === 'payments.v1')
      partition.end += 3
      partition.noRecords = 3
    },
  },
  {
    name: 'a mail failed with a reason',
    change: evidence => {
      const { delivery, mail } = journeyOf(evidence)
      const { listingId, recipient } = delivery
      const seq = nextSeq(evidence, 'mails')
      const row = find(rows(evidence, 'deliveries'), one => one.listingId === listingId)
      const given = {
        recipient: `${recipient}0`,
        status: 'failed',
        failure: 'refused',
        sentAt: null,
      }
      rows(evidence, 'deliveries').push({ ...row, ...given, deliveryId: randomUUID() })
      const refused = { t: mail.t, type: 'mail.refused', messageId: null, listingId }
      rows(evidence, 'mails').push({ ...refused, seq, recipients: [`${recipient}0`] })
    },
  },
]
