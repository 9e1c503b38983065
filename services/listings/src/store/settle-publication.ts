import type { IdempotencyKeys, StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import { inTenantTransaction, type Transaction } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import type { Publication } from '../domain/publication.ts'
import type { PublishListingDeps } from '../flows/publish-listing.ts'
import { returnToDrafts } from './listings.ts'
import { capturePublication, declinePublication, findPublication } from './publications.ts'

export type AnswerOf = (publication: Publication) => StoredAnswer

/** The last phase of a request: how the payment ended, and the answer under the key. */
export function settlePublication(
  pool: Pool,
  keys: IdempotencyKeys,
  answerOf: AnswerOf,
): PublishListingDeps['settle'] {
  return ({ publicationId, tenantId }, verdict) =>
    inTenantTransaction(pool, tenantId, async tx => {
      if (verdict.kind === 'declined') {
        await declineAndReturn(tx, keys, answerOf, publicationId)
      } else {
        const captured = await capturePublication(tx, publicationId, verdict.paymentId)
        if (captured) await keys.finish(tx, publicationId, answerOf(captured))
      }
      // Whoever came first (the event, the job, another instance) decided; this is what it is now.
      const now = await findPublication(tx, publicationId)
      if (!now) throw new Error(`publication ${publicationId} is not there any more`)
      return now
    })
}

/** A listing whose payment was declined is a draft again, and can be published with another card. */
export async function declineAndReturn(
  tx: Transaction,
  keys: IdempotencyKeys,
  answerOf: AnswerOf,
  publicationId: string,
): Promise<void> {
  const declined = await declinePublication(tx, publicationId)
  if (!declined) return
  await returnToDrafts(tx, declined.listingId)
  await keys.finish(tx, publicationId, answerOf(declined))
}
