import type { RememberEvent } from '@nightshift/patterns/inbox/inbox'
import { inTransaction } from '@nightshift/runtime/postgres/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import type { ApplyListingEventDeps } from '../flows/apply-listing-event.ts'
import { announce } from './announcements.ts'

/** The statements of one listing event, bound to one transaction. */
export function listingEventTransaction(
  pool: Pool,
  rememberEvent: RememberEvent,
): ApplyListingEventDeps['inOneTransaction'] {
  return work =>
    inTransaction(pool, tx =>
      work({
        rememberEvent: eventId => rememberEvent(tx, 'listings.v1', eventId),
        announce: listing => announce(tx, listing, currentTraceparent()),
      }),
    )
}
