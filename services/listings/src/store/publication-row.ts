import type { Plan } from '@nightshift/contracts/listings-http'
import type { WorkTable } from '@nightshift/patterns/lease/lease'
import type { Publication } from '../domain/publication.ts'

/** Publications are leased work, and the subjects of idempotency keys. */
export const publicationsTable: WorkTable = { table: 'publications', id: 'publication_id' }

export type PublicationRow = {
  publication_id: string
  listing_id: string
  tenant_id: string
  plan: Plan
  amount_cents: number
  currency: 'EUR'
  status: Publication['status']
  payment_id: string | null
  card_token: string | null
  attempt: number
}

export const publicationColumns = `publication_id, listing_id, tenant_id, plan, amount_cents,
  currency, status, payment_id, card_token, attempt`

export function toPublication(row: PublicationRow): Publication {
  return {
    publicationId: row.publication_id,
    listingId: row.listing_id,
    tenantId: row.tenant_id,
    plan: row.plan,
    amountCents: row.amount_cents,
    currency: row.currency,
    status: row.status,
    paymentId: row.payment_id,
    cardToken: row.card_token,
    attempt: row.attempt,
  }
}
