import { randomUUID } from 'node:crypto'
import { keyedRequest } from '@nightshift/patterns/idempotency-key/idempotency-key'
import type {
  IdempotencyKeys,
  KeyedRequest,
  StoredAnswer,
} from '@nightshift/patterns/idempotency-key/types'
import type { LeasedWork } from '@nightshift/patterns/lease/lease'
import {
  inTenantStatement,
  inTenantTransaction,
  RollBack,
  type Transaction,
} from '@nightshift/runtime/postgres/postgres'
import type { Deadline } from '@nightshift/runtime/process/deadline'
import type { Turns } from '@nightshift/runtime/process/turns'
import { currentTraceparent } from '@nightshift/runtime/telemetry/tracing'
import type { Pool } from 'pg'
import { crashpoint } from '../crash-points.ts'
import type { Publication } from '../domain/publication.ts'
import type { PricedPublication, PublicationClaim } from '../flows/publish-listing.ts'
import { findListing, returnToDrafts, takeFromDrafts } from './listings.ts'
import {
  beginAgain,
  findPublication,
  insertPublication,
  updatePublication,
  withdrawPublication,
} from './publications.ts'

const route = 'POST /v1/listings/:listingId/publish'

/** A settlement of a publication, with everything that is committed together with it. */
export type PublicationChange = {
  before: Publication
  after: Publication
  /** True if the listing becomes a draft again, which another card can publish. */
  returnsToDrafts: boolean
  /** Stored under the key of the publication, unless the key has an answer. */
  answer: StoredAnswer
}

export type PublicationStoreOptions = {
  pool: Pool
  keys: IdempotencyKeys
  work: LeasedWork
  isBacklogFull: (tenantId: string) => boolean
  /** The queue for work that begins. What has begun does not wait in it. */
  beginInTurn: Turns
  limits: {
    /** The wait until the job checks a publication whose request has not finished it. */
    firstCheckMs: number
    backoff: { baseMs: number; capMs: number }
  }
}

export type PublicationStore = ReturnType<typeof publicationStore>

/** The database side of publications. Each transaction works on behalf of the tenant. */
export function publicationStore({
  pool,
  keys,
  work,
  isBacklogFull,
  beginInTurn,
  limits,
}: PublicationStoreOptions) {
  async function claimIn(tx: Transaction, priced: PricedPublication): Promise<PublicationClaim> {
    const { tenantId, listingId, key } = priced
    const keyOf = { tenantId, route, key }
    const request = keyedRequest(keyOf, [listingId, priced.request], randomUUID())
    const claim = await keys.claim(tx, request)
    if (claim.kind === 'in_progress' && claim.id !== undefined) {
      const publication = await findPublication(tx, claim.id)
      const isSettled =
        publication !== undefined && !['pending', 'withdrawn'].includes(publication.status)
      return isSettled ? { kind: 'settled', publication } : claim
    }
    if (claim.kind !== 'claimed') return claim
    if (!claim.resumed) {
      await takeDraft(tx, priced)
      return { kind: 'claimed', publication: await begin(tx, priced, request), isNew: true }
    }
    const before = await findPublication(tx, claim.id)
    const isNew = before?.status === 'withdrawn'
    if (isNew) {
      await takeDraft(tx, priced)
      await beginAgain(tx, work, before, priced.request.cardToken, limits.firstCheckMs)
    } else await takeOver(tx, claim.id)
    const publication = await findPublication(tx, claim.id)
    if (!publication)
      throw new Error(`the key was claimed, but publication ${claim.id} does not exist`)
    return { kind: 'claimed', publication, isNew }
  }

  /** A refusal rolls everything back, so the key stays as it was. */
  async function takeDraft(tx: Transaction, { tenantId, listingId }: PricedPublication) {
    if (isBacklogFull(tenantId)) throw new RollBack<PublicationClaim>({ kind: 'overloaded' })
    if (await takeFromDrafts(tx, tenantId, listingId)) return
    const exists = await findListing(tx, tenantId, listingId)
    throw new RollBack<PublicationClaim>({ kind: exists ? 'not_a_draft' : 'no_such_listing' })
  }

  function begin(tx: Transaction, priced: PricedPublication, request: KeyedRequest) {
    const { tenantId, listingId, amountCents } = priced
    return insertPublication(tx, {
      publicationId: request.proposedId,
      listingId,
      tenantId,
      plan: priced.request.plan,
      amountCents,
      cardToken: priced.request.cardToken,
      keyHash: request.keyHash,
      fingerprint: request.fingerprint,
      traceparent: currentTraceparent(),
      firstCheckMs: limits.firstCheckMs,
    })
  }

  async function takeOver(tx: Transaction, publicationId: string): Promise<void> {
    await tx.query({
      name: 'take_over_publication',
      text: `WITH claimed AS (SELECT $1::uuid AS subject_id), ${work.takeOver('claimed')}
             SELECT FROM resumed`,
      values: [publicationId],
    })
  }

  return {
    /**
     * Commits the key and the publication with its price. The listing is no draft any more.
     * @throws NoTurn when too much else begins; nothing was done
     */
    async claim(priced: PricedPublication, deadline: Deadline): Promise<PublicationClaim> {
      const inTx = (tx: Transaction) => claimIn(tx, priced)
      const claim = await beginInTurn(() =>
        inTenantTransaction(pool, priced.tenantId, inTx, deadline),
      )
      await crashpoint('publication.claimed')
      return claim
    },

    /**
     * Commits a settlement with everything that follows from it. False if another owner was first.
     */
    commit({ before, after, returnsToDrafts, answer }: PublicationChange): Promise<boolean> {
      return inTenantTransaction(pool, before.tenantId, async tx => {
        // The statements are sent together, which saves round trips. If another owner was first, all are
        // rolled back.
        const [isOurs] = await Promise.all([
          updatePublication(tx, work, after),
          returnsToDrafts ? returnToDrafts(tx, after.listingId) : undefined,
          keys.finish(tx, after.publicationId, answer),
        ])
        if (!isOurs) throw new RollBack(false)
        return true
      })
    },

    /**
     * Takes a publication back that payments has certainly not begun. The listing is a draft again,
     * and the key begins the publication anew. False if another owner was first.
     */
    withdraw(publication: Publication): Promise<boolean> {
      return inTenantTransaction(pool, publication.tenantId, async tx => {
        if (!(await withdrawPublication(tx, work, publication))) return false
        await returnToDrafts(tx, publication.listingId)
        await keys.release(tx, publication.publicationId)
        return true
      })
    },

    /**
     * Reschedules an open publication and releases its key. An owner that was overtaken does
     * neither, because its successor owns the key.
     */
    recheckLater(publication: Publication, floorMs: number): Promise<void> {
      const owner = { id: publication.publicationId, attempt: publication.attempt }
      return inTenantTransaction(pool, publication.tenantId, async tx => {
        const isOurs = await work.reschedule(tx, owner, { ...limits.backoff, floorMs })
        if (isOurs) await keys.release(tx, publication.publicationId)
      })
    },

    /**
     * The publication as it is now.
     * @throws when it does not exist
     */
    reload({ tenantId, publicationId }: Publication): Promise<Publication> {
      return inTenantStatement(pool, tenantId, async tx => {
        const now = await findPublication(tx, publicationId)
        if (!now) throw new Error(`publication ${publicationId} does not exist any more`)
        return now
      })
    },
  }
}
