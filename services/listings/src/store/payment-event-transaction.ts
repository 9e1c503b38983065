import type { ListingEvent, ListingPublished } from '@nightshift/contracts/events'
import type { IdempotencyKeys, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import type { RememberEvent } from '@nightshift/patterns/inbox/inbox'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import type { Announce, Outbox } from '@nightshift/patterns/outbox/types'
import { RollBack, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type { Publication } from '../domain/publication.ts'
import type { PaymentEventResult } from '../flows/apply-payment-event.ts'
import { putListingLive, returnToDrafts } from './listings.ts'
import { lockPublication, updatePublication } from './publications.ts'

export type InEventTransaction = ReturnType<typeof paymentEventTransaction>

type Patterns = {
  outbox: Outbox<ListingEvent>
  rememberEvent: RememberEvent
  keys: IdempotencyKeys
  work: LeasedWork
}

/** The statements of one payment event, in one transaction. */
export function paymentEventTransaction({ outbox, rememberEvent, keys, work }: Patterns) {
  const statements = (tx: Transaction, announce: Announce<ListingEvent>) => ({
    /** False if this event was applied before. */
    rememberEvent: (eventId: string) => rememberEvent(tx, 'payments.v1', eventId),
    /** Locks the publication, so that it does not change before the commit. */
    lockPublication: (publicationId: string) => lockPublication(tx, publicationId),
    /** Writes the state, and the answer under the key for a request that may still wait. */
    async settle({
      after,
      answer,
      returnsToDrafts,
    }: {
      after: Publication
      answer: StoredAnswer
      returnsToDrafts: boolean
    }): Promise<void> {
      await updatePublication(tx, work, after)
      await keys.finish(tx, after.publicationId, answer)
      if (returnsToDrafts) await returnToDrafts(tx, after.listingId)
    },
    /** Undefined if the listing does not wait for its payment. */
    putListingLive: (listingId: string) => putListingLive(tx, listingId),
    announce: (event: ListingPublished) => announce(event),
  })

  return (
    apply: (tx: ReturnType<typeof statements>) => Promise<PaymentEventResult>,
  ): Promise<PaymentEventResult> =>
    outbox.transact(async (tx, announce) => {
      const result = await apply(statements(tx, announce))
      // A refused event leaves no inbox entry, or its dead letter could never be replayed.
      if (typeof result === 'object') throw new RollBack(result)
      return result
    })
}
