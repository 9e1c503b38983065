import { type LivenessCode, rowsOf } from '../evidence.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** The search may answer from a page that was cached at most this long ago. */
const searchAgeMaxMs = 5_000

/**
 * L1 (payments final), L2 (paid listings visible), L3 (outbox empty, no lag) and L4 (notifications
 * delivered): reports what was still under way when the wait for rest was over. Both the wait and the
 * tables say so. Without a wait nothing is reported, because it may just be too early.
 */
export function checkLiveness(facts: Facts): Finding[] {
  const { evidence } = facts
  const waits = rowsOf(evidence.quiescence)
  if (waits.length === 0) return []
  const found = new Map<string, Finding>()
  const add = (promise: LivenessCode, message: string, ids: string[]) => {
    found.set(`${promise} ${ids[0] ?? message}`, { promise, message, ids })
  }
  for (const { promise, what, ids } of waits.flatMap(({ remaining }) => remaining)) {
    if (ids.length === 0) add(promise, what, [])
    for (const id of ids) add(promise, `${what}: ${id}`, [id])
  }
  for (const { paymentId, status, requestedAction } of facts.payments) {
    if (status === 'pending') add('L1', `payment ${paymentId} is pending`, [paymentId])
    if (status === 'authorized' && requestedAction !== null) {
      add('L1', `the ${requestedAction} of payment ${paymentId} is not done`, [paymentId])
    }
  }
  for (const { refundId, paymentId, status } of facts.refunds) {
    if (status === 'pending') add('L1', `refund ${refundId} is pending`, [refundId, paymentId])
  }
  for (const { publicationId, status } of facts.publications) {
    const name = `publication ${publicationId}`
    if (status === 'pending') add('L1', `${name} is pending`, [publicationId])
    if (status === 'captured') add('L2', `${name} is paid, and not live`, [publicationId])
  }
  for (const { listingId, message } of invisibleListings(facts)) add('L2', message, [listingId])
  for (const { eventId } of [
    ...rowsOf(evidence.paymentOutbox),
    ...rowsOf(evidence.listingOutbox),
  ].filter(({ publishedAt }) => publishedAt === null)) {
    add('L3', `event ${eventId} was not published`, [eventId])
  }
  for (const { deliveryId, status, failure } of rowsOf(evidence.deliveries)) {
    const name = `delivery ${deliveryId}`
    if (status === 'pending') add('L4', `${name} is pending`, [deliveryId])
    const isEnded = status === 'failed' || status === 'suppressed'
    if (isEnded && !failure) add('L4', `${name} ${status} without a reason`, [deliveryId])
  }
  return [...found.values()]
}

/** Listings with a captured payment that are not live, or live and not found by the public search. */
function invisibleListings(facts: Facts): { listingId: string; message: string }[] {
  const { search, quiescence } = facts.evidence
  const restedAt = rowsOf(quiescence)[0]?.finishedAt ?? 0
  const searched = new Set(rowsOf(search).map(({ listingId }) => listingId))
  const notLive = facts.payments
    .filter(({ status, publicationId }) => {
      return status === 'captured' && facts.publicationById.has(publicationId)
    })
    .filter(({ listingId }) => facts.listingById.get(listingId)?.status !== 'live')
    .map(({ listingId }) => ({ listingId, message: `listing ${listingId} is paid, and not live` }))
  const notFound = facts.listings
    .filter(({ status, listingId }) => status === 'live' && !searched.has(listingId))
    .filter(({ publishedAt }) => (publishedAt ?? 0) < restedAt - searchAgeMaxMs)
    .map(({ listingId }) => ({ listingId, message: `listing ${listingId} is live, and not found` }))
  return search.state === 'read' ? [...notLive, ...notFound] : notLive
}
