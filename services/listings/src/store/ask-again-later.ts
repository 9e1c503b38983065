import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import { inTenantTransaction } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import type { PublishListingDeps } from '../flows/publish-listing.ts'
import { postponeCheck } from './publications.ts'

export type WaitBounds = { baseMs: number; capMs: number }

/**
 * Says when to look again, and releases the key, so that the next attempt may go on at once. An owner
 * that was overtaken does neither: the key belongs to the next owner by now. One transaction, because
 * the row of the publication stays locked until its end, and a takeover has to write to it.
 */
export function askAgainLater(
  pool: Pool,
  keys: IdempotencyKeys,
  bounds: WaitBounds,
): PublishListingDeps['askAgainLater'] {
  return (publication, retryFloorMs) =>
    inTenantTransaction(pool, publication.tenantId, async tx => {
      const wait = { ...bounds, retryAfterMs: retryFloorMs }
      if (await postponeCheck(tx, publication, wait)) {
        await keys.release(tx, publication.publicationId)
      }
    })
}
