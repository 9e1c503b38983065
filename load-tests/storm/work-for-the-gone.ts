import { type Evidence, rowsOf } from '../auditor/evidence.ts'
import type { SeenIntent } from './seen-intents.ts'

const chargeTypes = ['intent.succeeded', 'intent.declined']

/**
 * The charges of the card provider in a span of time, and those of them whose employers had left by
 * then. The charge itself is right, and the listing goes live. But a place was used for somebody who
 * is not there any more, and somebody who is there did not get it.
 */
export function chargesForTheGone(
  intents: readonly SeenIntent[],
  { provider, publications }: Pick<Evidence, 'provider' | 'publications'>,
  span: Readonly<{ from: number; until: number }>,
): { charges: number; forTheGone: number } {
  const leftAt = new Map(intents.map(intent => [intent.listingId, intent.leftAt]))
  const listingOf = new Map(rowsOf(publications).map(row => [row.publicationId, row.listingId]))
  const charges = rowsOf(provider).filter(
    ({ type, t }) => chargeTypes.includes(type) && t >= span.from && t < span.until,
  )
  const forTheGone = charges.filter(({ t, publicationId = '' }) => {
    const left = leftAt.get(listingOf.get(publicationId))
    return left !== undefined && t > left
  })
  return { charges: charges.length, forTheGone: forTheGone.length }
}
