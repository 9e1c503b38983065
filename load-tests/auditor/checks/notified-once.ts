import { type FaultLogLine, type InboxRow, type MailLine, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** What notifications promises of one mail: so many copies at most, deaths and silences included. */
const copiesMax = 3
/** Mails that notifications sends at a time: a death may leave a copy of each. */
const sentAtOnceMax = 4

/**
 * S6. One intent and one mail per (listing, address), no mail more than three times, and each event
 * applied once per consumer.
 */
export function checkToldOnce(facts: Facts): Finding[] {
  return [...checkMails(facts), ...checkDuplicateMails(facts), ...checkInboxes(facts)]
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
    if (same.length > 1) return [s6(`${same.length} deliveries are to tell ${who}`, ids)]
    const mails = mailsByName.get(name) ?? []
    if (row.status !== 'sent' || mails.length > 0) return []
    return [s6(`the mail to ${who} is called sent, and no mail server has it`, ids)]
  })
  const mails = [...mailsByName].flatMap(([name, same]) => {
    const [mail] = same
    if (!mail) return []
    const ids = mail.listingId === undefined ? [] : [mail.listingId]
    const who = `${mail.recipient} about listing ${mail.listingId}`
    if (!byName.has(name)) return [s6(`a mail told ${who}, and nobody meant to`, ids)]
    // Without an id it can not be recognised as the same mail, by us or by a mailbox.
    const messages = new Set(same.map(({ messageId, seq }) => messageId ?? `mail ${seq}`))
    return messages.size > 1 ? [s6(`${messages.size} different mails told ${who}`, ids)] : []
  })
  return [...rows, ...mails]
}

/**
 * A mail is sent again when its sender could not know whether it had arrived: each death of
 * notifications may add as many copies as mails were being sent, and so may a mail server that was
 * silent, or a connection to it that was cut. Whatever happens, no mail comes more than three times.
 */
function checkDuplicateMails(facts: Facts): Finding[] {
  const repeated = [...Map.groupBy(acceptedMails(facts), ({ messageId }) => messageId)].filter(
    ([messageId, same]) => messageId !== null && same.length > 1,
  )
  const idsOf = (mails: typeof repeated) => mails.flatMap(([, [first]]) => first?.listingId ?? [])
  const tooMany = repeated
    .filter(([, same]) => same.length > copiesMax)
    .map(one => s6(`a mail was sent ${one[1].length} times, ${copiesMax} at most`, idsOf([one])))
  const surplus = repeated.reduce((sum, [, same]) => sum + same.length - 1, 0)
  const faults = rowsOf(facts.evidence.faultLog).filter(({ action }) => action === 'begin')
  const blows = faults.filter(isBlowToNotifications).length
  if (surplus <= blows * sentAtOnceMax || faults.some(isOnTheWayToTheMailbox)) return tooMany
  if (rowsOf(facts.evidence.mails).some(({ type }) => type === 'mail.unanswered')) return tooMany
  const message =
    `${surplus} mails were sent again, notifications was struck ${blows} times, ` +
    'and nothing was wrong with the mail server'
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

/** Killed, stopped or paused: after a pause the answers of a mail server may have come too late. */
function isBlowToNotifications({ kind, name }: FaultLogLine): boolean {
  return kind === 'process' && name === 'notifications'
}

/** The process of the mail server, its faults, and the link to it. */
function isOnTheWayToTheMailbox({ name }: FaultLogLine): boolean {
  return name === 'mailbox' || name.startsWith('mailbox/') || name.includes('notifications-mail')
}

function nameOfRow({ consumer, eventId }: InboxRow): string {
  return `${consumer} ${eventId}`
}

function acceptedMails(facts: Facts): MailLine[] {
  return rowsOf(facts.evidence.mails).filter(({ type }) => type === 'mail.accepted')
}

function s6(message: string, ids: string[]): Finding {
  return { invariant: 'S6', message, ids }
}
