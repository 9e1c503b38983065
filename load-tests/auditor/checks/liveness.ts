import { type LivenessInvariant, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** The search promises that a page it remembers is at most this old. */
const searchAgeMaxMs = 5_000

/**
 * L1 to L4: what was still under way when the waiting for rest was over, by the account of whoever
 * waited and by the tables themselves. Says nothing when nobody waited: then it may just be early.
 */
export function checkLiveness(facts: Facts): Finding[] {
  const { evidence } = facts
  const waited = rowsOf(evidence.quiescence)
  if (waited.length === 0) return []
  const found = new Map<string, Finding>()
  const add = (invariant: LivenessInvariant, message: string, ids: string[]) => {
    found.set(`${invariant} ${ids[0] ?? message}`, { invariant, message, ids })
  }
  for (const { invariant, what, ids } of waited.flatMap(({ remaining }) => remaining)) {
    if (ids.length === 0) add(invariant, what, [])
    for (const id of ids) add(invariant, `${what}: ${id}`, [id])
  }
  for (const { paymentId, status, requestedAction: wanted } of facts.payments) {
    if (status === 'pending') add('L1', `payment ${paymentId} is pending`, [paymentId])
    if (status === 'authorized' && wanted !== null) {
      add('L1', `the ${wanted} of payment ${paymentId} is not done`, [paymentId])
    }
  }
  for (const { refundId, paymentId, status } of facts.refunds) {
    if (status === 'pending') add('L1', `refund ${refundId} is owed`, [refundId, paymentId])
  }
  for (const { publicationId, status } of facts.publications) {
    const name = `publication ${publicationId}`
    if (status === 'pending') add('L1', `${name} is pending`, [publicationId])
    if (status === 'captured') add('L2', `${name} is paid and not live`, [publicationId])
  }
  for (const { listingId, message } of unseenListings(facts)) add('L2', message, [listingId])
  for (const { eventId } of [
    ...rowsOf(evidence.paymentOutbox),
    ...rowsOf(evidence.listingOutbox),
  ].filter(({ publishedAt }) => publishedAt === null)) {
    add('L3', `event ${eventId} was not published`, [eventId])
  }
  for (const { deliveryId, status, failure } of rowsOf(evidence.deliveries)) {
    const name = `delivery ${deliveryId}`
    if (status === 'pending') add('L4', `${name} is pending`, [deliveryId])
    const isGivenUp = status === 'failed' || status === 'suppressed'
    if (isGivenUp && !failure) add('L4', `${name} ${status} without a reason`, [deliveryId])
  }
  return [...found.values()]
}

/** Paid for by a captured payment and not live, or live and not to be found by the public. */
function unseenListings(facts: Facts): { listingId: string; message: string }[] {
  const { search, quiescence } = facts.evidence
  const restedAt = rowsOf(quiescence)[0]?.finishedAt ?? 0
  const searched = new Set(rowsOf(search).map(({ listingId }) => listingId))
  const notLive = facts.payments
    .filter(({ status, publicationId }) => {
      return status === 'captured' && facts.publicationById.has(publicationId)
    })
    .filter(({ listingId }) => facts.listingById.get(listingId)?.status !== 'live')
    .map(({ listingId }) => ({ listingId, message: `listing ${listingId} is paid and not live` }))
  const notFound = facts.listings
    .filter(({ status, listingId }) => status === 'live' && !searched.has(listingId))
    .filter(({ publishedAt }) => (publishedAt ?? 0) < restedAt - searchAgeMaxMs)
    .map(({ listingId }) => ({ listingId, message: `listing ${listingId} is live and not found` }))
  return search.state === 'read' ? [...notLive, ...notFound] : notLive
}
