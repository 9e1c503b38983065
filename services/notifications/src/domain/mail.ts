import type { ListingPublished } from '@nightshift/contracts/events'

export type AdvertisedListing = ListingPublished['data']

export type Mail = { to: string; subject: string; text: string; messageId: string }

/** A mail that is to be sent, as it was intended when the listing went live. */
export type Delivery = {
  deliveryId: string
  email: string
  listing: AdvertisedListing
  attempts: number
  traceparent: string | null
}

/**
 * The mail of a delivery. Made from nothing but the delivery, so that a second attempt is the same
 * mail: the same Message-ID lets a mailbox recognise a mail that was accepted and not acknowledged.
 */
export function mailOf(delivery: Delivery): Mail {
  const { listing } = delivery
  const salary = `${listing.salaryMinEurPerYear} to ${listing.salaryMaxEurPerYear} EUR a year`
  return {
    to: delivery.email,
    subject: `${listing.title} at ${listing.company}`,
    text: [
      `${listing.title} at ${listing.company}`,
      `${listing.seniority}, ${listing.area}, ${salary}`,
      '',
      listing.description,
      '',
      `Listing ${listing.listingId}. You get this because it matches an alert that you saved.`,
    ].join('\n'),
    messageId: `<${delivery.deliveryId}@nightshift.invalid>`,
  }
}
