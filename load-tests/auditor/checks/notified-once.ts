import { instancesOf } from '@nightshift/local/system/instances'
import { type FaultLogLine, type InboxRow, type MailLine, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import { oldestKeptMs } from '../oldest-kept.ts'
import type { Finding } from '../verdict.ts'

/** Notifications sends the same mail at most this often, even after deaths and lost answers. */
const copiesMax = 3
/** Notifications sends this many mails at a time, so one death may repeat each of them. */
const concurrentMailsMax = 4

/**
 * S6: one delivery and one mail per listing and address, the same mail at most three times, and each
 * event applied once per consumer.
 */
export function checkNotifiedOnce(facts: Facts): Finding[] {
  return [...checkMails(facts), ...checkRepeatedMails(facts), ...checkInboxes(facts)]
}

function checkMails(facts: Facts): Finding[] {
  const deliveries = rowsOf(facts.evidence.deliveries)
  const nameOf = (listingId = '', recipient = '') => `${listingId} ${recipient}`
  const byName = Map.groupBy(deliveries, row => nameOf(row.listingId, row.recipient))
  const alerts = acceptedMails(facts).filter(({ kind }) => kind !== 'confirmation')
  const accepted = alerts.flatMap(mail =>
    mail.recipients.map(recipient => ({ ...mail, recipient })),
  )
  const mailsByName = Map.groupBy(accepted, mail => nameOf(mail.listingId, mail.recipient))
  const rows = [...byName].flatMap(([name, same]) => {
    const [row] = same
    if (!row) return []
    const ids = [row.listingId, ...same.map(({ deliveryId }) => deliveryId)]
    const who = `${row.recipient} about listing ${row.listingId}`
    if (same.length > 1) return [s6(`${same.length} deliveries notify ${who}`, ids)]
    const mails = mailsByName.get(name) ?? []
    if (row.status !== 'sent' || mails.length > 0) return []
    return [s6(`the mail to ${who} is marked as sent, and the mail server does not have it`, ids)]
  })
  // Deliveries are deleted some days after their topic has forgotten the listing.
  const keptFromMs = oldestKeptMs(facts.evidence, 'listings.v1')
  const mails = [...mailsByName].flatMap(([name, same]) => {
    const [mail] = same
    if (!mail || mail.t <= keptFromMs) return []
    const ids = mail.listingId === undefined ? [] : [mail.listingId]
    const who = `${mail.recipient} about listing ${mail.listingId}`
    if (!byName.has(name))
      return [s6(`a mail notified ${who}, and there is no delivery for it`, ids)]
    // A mail without a Message-ID cannot be recognized as a copy, so it counts as another mail.
    const messages = new Set(same.map(({ messageId, seq }) => messageId ?? `mail ${seq}`))
    return messages.size > 1 ? [s6(`${messages.size} different mails notified ${who}`, ids)] : []
  })
  return [...rows, ...mails]
}

/**
 * A mail is sent again when its sender cannot know whether it arrived. Each interruption of
 * notifications may add one copy of every mail that was being sent. So may a mail server that did not
 * answer, or a broken connection to it. In any case a mail comes at most three times.
 */
function checkRepeatedMails(facts: Facts): Finding[] {
  const repeated = [...Map.groupBy(acceptedMails(facts), ({ messageId }) => messageId)].filter(
    ([messageId, same]) => messageId !== null && same.length > 1,
  )
  const idsOf = (mails: typeof repeated) => mails.flatMap(([, [first]]) => first?.listingId ?? [])
  const tooMany = repeated
    .filter(([, same]) => same.length > copiesMax)
    .map(one => s6(`a mail was sent ${one[1].length} times, ${copiesMax} at most`, idsOf([one])))
  const surplus = repeated.reduce((sum, [, same]) => sum + same.length - 1, 0)
  const faults = rowsOf(facts.evidence.faultLog).filter(({ action }) => action === 'begin')
  const interruptions = faults.filter(isInterruption).length
  if (surplus <= interruptions * concurrentMailsMax || faults.some(isMailFault)) return tooMany
  if (rowsOf(facts.evidence.mails).some(({ type }) => type === 'mail.unanswered')) return tooMany
  const message =
    `${surplus} mails were sent again, notifications was interrupted ${interruptions} times, ` +
    'and the mail server had no fault'
  return [...tooMany, s6(message, idsOf(repeated))]
}

function checkInboxes(facts: Facts): Finding[] {
  const { listingInbox, notificationInbox } = facts.evidence
  return [listingInbox, notificationInbox].flatMap(inbox =>
    [...Map.groupBy(rowsOf(inbox), nameOfRow)].flatMap(([, same]) => {
      const [row] = same
      if (!row || same.length === 1) return []
      const times = same.length
      return [
        s6(`event ${row.eventId} was applied ${times} times by ${row.consumer}`, [row.eventId]),
      ]
    }),
  )
}

/**
 * An instance of notifications was killed, stopped or paused. After a pause, an answer may have come
 * too late.
 */
function isInterruption({ kind, name }: FaultLogLine): boolean {
  return kind === 'process' && instancesOf('notifications').some(instance => instance === name)
}

/** A fault of the mail server's process, of its settings, or of the link to it. */
function isMailFault({ name }: FaultLogLine): boolean {
  return name === 'mailbox' || name.startsWith('mailbox/') || name.includes('notifications-mail')
}

function nameOfRow({ consumer, eventId }: InboxRow): string {
  return `${consumer} ${eventId}`
}

function acceptedMails(facts: Facts): MailLine[] {
  return rowsOf(facts.evidence.mails).filter(({ type }) => type === 'mail.accepted')
}

function s6(message: string, ids: string[]): Finding {
  return { promise: 'S6', message, ids }
}
