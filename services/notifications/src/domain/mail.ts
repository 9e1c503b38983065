import type { ListingPublished } from '@nightshift/contracts/events'

export type AdvertisedListing = ListingPublished['data']

/** The address of a mail, and the data of its links. */
export type Recipient = {
  addressId: string
  sendTo: string
  consentVersion: number
}

export type MailKind = 'alert' | 'confirmation'

/** A mail that must be sent, as the database has it. */
export type Delivery = {
  deliveryId: string
  recipient: Recipient
  kind: MailKind
  /** Undefined in a confirmation mail. */
  listing: AdvertisedListing | undefined
  /** When its listing went live, or when the confirmation was asked for. */
  wantedAt: Date
  /** The number of this attempt. The first is 1. */
  attempt: number
  /** How many attempts may have left a copy with the mail server, this one included. */
  copies: number
  traceparent: string | null
}

export type Mail = {
  to: string
  subject: string
  text: string
  messageId: string
  /** One request to this URL ends all mails to the address (RFC 8058). */
  unsubscribeUrl: string
}

/** Makes the links of a recipient. They are signed, so this needs the secret. */
export type MailLinks = {
  confirm: (recipient: Recipient) => string
  unsubscribe: (recipient: Recipient) => string
}

/**
 * The mail of a delivery. It depends on the delivery alone, so that a second attempt sends the same
 * mail. By the same Message-ID a mailbox can recognize a copy of a mail that was accepted without
 * an answer. The Message-ID begins with the kind of the mail, for readers of a mail server's log.
 */
export function mailOf(delivery: Delivery, links: MailLinks): Mail {
  const { deliveryId, recipient, listing } = delivery
  const unsubscribeUrl = links.unsubscribe(recipient)
  const to = recipient.sendTo
  if (listing === undefined) {
    const messageId = `<confirmation.${deliveryId}@nightshift.invalid>`
    return { to, messageId, unsubscribeUrl, ...confirmation(links.confirm(recipient)) }
  }
  const messageId = `<alert.${deliveryId}@nightshift.invalid>`
  return { to, messageId, unsubscribeUrl, ...alert(listing, unsubscribeUrl) }
}

function alert(listing: AdvertisedListing, unsubscribeUrl: string) {
  const salary = `${listing.salaryMinEurPerYear} to ${listing.salaryMaxEurPerYear} EUR a year`
  return {
    subject: `${listing.title} at ${listing.company}`,
    text: lines([
      `${listing.title} at ${listing.company}`,
      `${listing.seniority}, ${listing.area}, ${salary}`,
      '',
      listing.description,
      '',
      `Listing ${listing.listingId}. You get this because it matches an alert that you saved.`,
      'To end all alerts of this address:',
      unsubscribeUrl,
    ]),
  }
}

/** The mail has only fixed text, because anybody can cause it for any address. */
function confirmation(confirmUrl: string) {
  return {
    subject: 'Confirm your job alerts',
    text: lines([
      'Someone asked Nightshift to send job alerts to this address.',
      '',
      'If it was you, open this page and confirm. Until then no alert is sent:',
      confirmUrl,
      '',
      'If it was not you, ignore this mail.',
    ]),
  }
}

/** A mail has one kind of line break. Mail servers would change a lone carriage return. */
function lines(parts: readonly string[]): string {
  return parts.join('\n').replace(/\r\n?/g, '\n')
}
