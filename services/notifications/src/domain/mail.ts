import type { ListingPublished } from '@nightshift/contracts/events'

export type AdvertisedListing = ListingPublished['data']

/** Where a mail goes, and what its links lead to. */
export type Recipient = {
  addressId: string
  sendTo: string
  consentVersion: number
}

/** A mail that is to be sent, as it was intended. */
export type Delivery = {
  deliveryId: string
  recipient: Recipient
  /** Unset: it asks the recipient to confirm the address. */
  listing: AdvertisedListing | undefined
  /** The number of this attempt; 1 is the first. */
  attempt: number
  /** Attempts that may have left a copy with the mail server, this one included. */
  copies: number
  traceparent: string | null
}

export type Mail = {
  to: string
  subject: string
  text: string
  messageId: string
  /** Where one request ends all mails to this address (RFC 8058). */
  unsubscribeUrl: string
}

/** The links of a recipient. They are signed, so they are made where the secret is. */
export type MailLinks = {
  confirm: (recipient: Recipient) => string
  unsubscribe: (recipient: Recipient) => string
}

/**
 * The mail of a delivery. Made from nothing but the delivery, so that a second attempt is the same
 * mail: the same Message-ID lets a mailbox recognise a mail that was accepted and not acknowledged.
 * The Message-ID says of which kind it is, for those who read the log of a mail server.
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

/** Nothing that was typed is in it: a stranger can cause this mail, and must not write it. */
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

/** A mail has one kind of line break. A carriage return alone would be changed on the way. */
function lines(parts: readonly string[]): string {
  return parts.join('\n').replace(/\r\n?/g, '\n')
}
