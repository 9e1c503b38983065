import type { PublicationResponse } from '@nightshift/contracts/listings-http'
import type { StoredAnswer } from '@nightshift/patterns/idempotency-key/types'
import { problemMediaType, problemOf } from '@nightshift/runtime/http/problem'
import type { Publication } from './publication.ts'

/**
 * The HTTP answer about a publication. The request, a replay, the consumer and the job must all
 * produce the same bytes. So the answer depends on the publication alone.
 * @throws for a withdrawn publication: its request was refused, and its key begins it anew
 */
export function publicationAnswer(publication: Publication): StoredAnswer {
  if (publication.status === 'withdrawn') throw new Error('a withdrawn publication has no answer')
  const location = `/v1/listings/${publication.listingId}`
  if (publication.status === 'declined') {
    const refusal = {
      status: 402,
      slug: 'card-declined',
      title: 'The card was declined',
      detail:
        'Nothing was charged, and the listing is a draft again. Another card needs another key.',
    }
    return {
      status: 402,
      headers: { 'content-type': problemMediaType },
      body: JSON.stringify(problemOf(refusal, location)),
    }
  }
  const { publicationId, listingId, plan, amountCents, currency, status, paymentId } = publication
  const response: PublicationResponse = {
    publicationId,
    listingId,
    plan,
    amountCents,
    currency,
    payment: status === 'pending' ? 'pending' : 'captured',
    ...(paymentId === null ? {} : { paymentId }),
  }
  return {
    status: status === 'pending' ? 202 : 201,
    headers: { 'content-type': 'application/json; charset=utf-8', location },
    body: JSON.stringify(response),
  }
}
