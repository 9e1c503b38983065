import { expect } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import type { RawRequest } from './attacked-payments.ts'
import type { RawAnswer } from './converse.ts'

/** What may be found in the end: publications that were paid or held for, and refunds by their ids. */
export type Meant = Record<'paid' | 'held' | 'refunded', string[]>

/** Asks for what has to work, and counts on its effect from then on. */
export function honestCaller(send: (request: RawRequest) => Promise<RawAnswer>) {
  const meant: Meant = { paid: [], held: [], refunded: [] }

  async function pay(body = paymentOf(), headers: RawRequest['headers'] = {}): Promise<RawAnswer> {
    const answer = await send({ headers, body: JSON.stringify(body) })
    expect([answer.status, answer.json?.status]).toEqual([201, 'captured'])
    meant.paid.push(body.publicationId)
    return answer
  }

  /** Money that nobody is going to take. */
  async function hold(): Promise<RawAnswer> {
    const body = paymentOf({ captureMethod: 'manual' })
    const answer = await send({ body: JSON.stringify(body) })
    expect([answer.status, answer.json?.status]).toEqual([201, 'authorized'])
    meant.held.push(body.publicationId)
    return answer
  }

  async function refund(
    paymentId: string,
    body: object = { reason: 'duplicate' },
    headers: RawRequest['headers'] = {},
  ): Promise<RawAnswer> {
    const target = `/v1/payments/${paymentId}/refunds`
    const answer = await send({ target, headers, body: JSON.stringify(body) })
    expect([answer.status, answer.json?.status]).toEqual([201, 'succeeded'])
    meant.refunded.push(answer.json.refundId)
    return answer
  }

  return { meant, pay, hold, refund }
}
