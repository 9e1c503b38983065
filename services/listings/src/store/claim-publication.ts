import { randomUUID } from 'node:crypto'
import { fingerprintOf } from '@nightshift/patterns/idempotency-key/fingerprint'
import type { IdempotencyKeys } from '@nightshift/patterns/idempotency-key/types'
import {
  inTenantTransaction,
  RollBack,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type {
  PricedPublication,
  PublicationClaim,
  PublishListingDeps,
} from '../flows/publish-listing.ts'
import { findListing, takeFromDrafts } from './listings.ts'
import { findPublication, insertPublication, takeOverPublication } from './publications.ts'

const route = 'POST /v1/listings/:listingId/publish'

/**
 * The first phase, as one short transaction: the key, the listing's change of state, and the
 * publication with its price. A refusal undoes all of it, the key included: nothing was begun, so
 * the same key may be used again when the reason is gone.
 */
export function claimPublication(
  pool: Pool,
  keys: IdempotencyKeys,
  isBacklogFull: () => boolean,
  firstCheckMs: number,
): PublishListingDeps['claim'] {
  return async (keyed, deadline) => {
    const { tenantId, listingId, key, request } = keyed
    const claimIn = async (tx: Transaction): Promise<PublicationClaim> => {
      const claim = await keys.claim(tx, {
        tenantId,
        route,
        key,
        fingerprint: fingerprintOf(route, listingId, request),
        proposedId: randomUUID(),
      })
      if (claim.kind !== 'claimed') return claim
      if (!claim.resumed) {
        if (isBacklogFull()) throw new RollBack<PublicationClaim>({ kind: 'overloaded' })
        await begin(tx, keyed, claim.id, firstCheckMs)
      }
      const takenOver = claim.resumed ? await takeOverPublication(tx, claim.id) : undefined
      const publication = takenOver ?? (await findPublication(tx, claim.id))
      if (!publication) throw new Error(`the key was claimed and publication ${claim.id} is absent`)
      return { kind: 'claimed', publication }
    }
    const result = await inTenantTransaction(pool, tenantId, claimIn, deadline)
    await crashpoint('publication.claimed')
    return result
  }
}

async function begin(
  tx: Transaction,
  { tenantId, listingId, request, amountCents }: PricedPublication,
  publicationId: string,
  firstCheckMs: number,
): Promise<void> {
  if (!(await takeFromDrafts(tx, tenantId, listingId))) {
    const there = await findListing(tx, tenantId, listingId)
    throw new RollBack<PublicationClaim>({ kind: there ? 'not_a_draft' : 'no_such_listing' })
  }
  await insertPublication(tx, {
    publicationId,
    listingId,
    tenantId,
    plan: request.plan,
    amountCents,
    cardToken: request.cardToken,
    traceparent: currentTraceparent(),
    firstCheckMs,
  })
}
