import { randomUUID } from 'node:crypto'

/** How many of the first requests are remembered, to be sent again. */
const rememberedMax = 1_000

/** Makes the bytes of whole requests for payments. */
export type PaymentRequests = Readonly<{
  /** A request with a new key. */
  first: () => string
  /** An exact copy of a request that was sent before. */
  again: () => string
}>

/** @param apiKey the key of an employer */
export function paymentRequests(apiKey: string): PaymentRequests {
  const sent: string[] = []
  let next = 0
  return {
    first: () => {
      const request = write(apiKey)
      if (sent.length < rememberedMax) sent.push(request)
      return request
    },
    again: () => {
      next = (next + 1) % sent.length
      return sent[next] ?? write(apiKey)
    },
  }
}

function write(apiKey: string): string {
  const body = JSON.stringify({
    listingId: randomUUID(),
    publicationId: randomUUID(),
    amountCents: 9_900,
    currency: 'EUR',
    cardToken: 'pm_card_visa',
  })
  const head = [
    'POST /v1/payments HTTP/1.1',
    'host: payments',
    `authorization: Bearer ${apiKey}`,
    'content-type: application/json',
    `content-length: ${body.length}`,
    `idempotency-key: ${randomUUID()}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
