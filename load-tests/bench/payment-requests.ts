import { randomUUID } from 'node:crypto'

/** Keys that come a second time are some of the last that came a first time. */
const rememberedMax = 1_000

/** Requests for payments, whole as they go over the wire. */
export type PaymentRequests = Readonly<{
  /** With a key of its own. */
  first: () => string
  /** One that was sent before, to the letter. */
  again: () => string
}>

/** @param apiKey of an employer */
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
