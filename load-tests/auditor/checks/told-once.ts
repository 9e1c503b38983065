import { type InboxRow, type MailLine, type NemesisLine, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** S6. One intent and one mail per (listing, address), and each event applied once per consumer. */
export function checkToldOnce(facts: Facts): Finding[] {
  return [...checkMails(facts), ...checkDuplicateMails(facts), ...checkInboxes(facts)]
}

function checkMails(facts: Facts): Finding[] {
  const deliveries = rowsOf(facts.evidence.deliveries)
  const nameOf = (listingId = '', recipient = '') => `${listingId} ${recipient}`
  const byName = Map.groupBy(deliveries, row => nameOf(row.listingId, row.recipient))
  const accepted = acceptedMails(facts).flatMap(mail =>
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

/** The same mail twice is allowed as often as the sender died between sending and writing down. */
function checkDuplicateMails(facts: Facts): Finding[] {
  const kills = rowsOf(facts.evidence.nemesis).filter(isDeathOfNotifications).length
  const repeated = [...Map.groupBy(acceptedMails(facts), ({ messageId }) => messageId)].filter(
    ([messageId, same]) => messageId !== null && same.length > 1,
  )
  const surplus = repeated.reduce((sum, [, same]) => sum + same.length - 1, 0)
  if (surplus <= kills) return []
  const ids = repeated.flatMap(([, [first]]) => first?.listingId ?? [])
  const message = `${surplus} mails were sent again, and notifications died ${kills} times`
  return [s6(message, ids)]
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

function isDeathOfNotifications({ kind, action, name, signal }: NemesisLine): boolean {
  const isPause = signal === 'SIGSTOP'
  return kind === 'process' && action === 'begin' && name === 'notifications' && !isPause
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
