import type { ListingEvent } from '@nightshift/contracts/events'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import type { RememberEvent } from '@nightshift/patterns/inbox/inbox'
import type { Announce, Outbox } from '@nightshift/patterns/outbox/types'
import { RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type {
  ApplyPaymentEventDeps,
  PaymentEventTransaction,
} from '../flows/apply-payment-event.ts'
import { putListingLive } from './listings.ts'
import { lockPublication, markPublished } from './publications.ts'
import { type AnswerOf, declineAndReturn } from './settle-publication.ts'

type Patterns = {
  outbox: Outbox<ListingEvent>
  rememberEvent: RememberEvent
  keys: IdempotencyKeys
}

/** The statements of one payment event, bound to one transaction. */
export function paymentEventTransaction(
  patterns: Patterns,
  answerOf: AnswerOf,
): ApplyPaymentEventDeps['inOneTransaction'] {
  return work =>
    patterns.outbox.transact(async (tx, announce) => {
      const result = await work(bind(tx, announce, patterns, answerOf))
      // A refused event must leave no trace, or its dead letter would be the only one ever tried.
      if (typeof result === 'object') throw new RollBack(result)
      return result
    })
}

function bind(
  tx: Transaction,
  announce: Announce<ListingEvent>,
  { rememberEvent, keys }: Patterns,
  answerOf: AnswerOf,
): PaymentEventTransaction {
  return {
    rememberEvent: eventId => rememberEvent(tx, 'payments.v1', eventId),
    findPublication: publicationId => lockPublication(tx, publicationId),
    putLive: async ({ publicationId, listingId }, paymentId) => {
      const published = await markPublished(tx, publicationId, paymentId)
      if (!published) return undefined
      // The request may be gone, or still waiting: its answer is known now, and stored.
      await keys.finish(tx, publicationId, answerOf(published))
      return putListingLive(tx, listingId)
    },
    recordDecline: ({ publicationId }) => declineAndReturn(tx, keys, answerOf, publicationId),
    announce,
  }
}
