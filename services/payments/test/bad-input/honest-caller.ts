import { expect } from 'vitest'
import { paymentOf } from '../payment-of.ts'
import type { RawRequest } from './attacked-payments.ts'
import type { RawAnswer } from './raw-http.ts'

/**
 * The effects that correct requests had: publications that were paid or have an authorization, and
 * the ids of refunds.
 */
export type Intended = Record<'paid' | 'authorized' | 'refunded', string[]>

/** Sends correct requests, which must succeed, and remembers their effects. */
export function honestCaller(send: (request: RawRequest) => Promise<RawAnswer>) {
  const intended: Intended = { paid: [], authorized: [], refunded: [] }

  async function pay(body = paymentOf(), headers: RawRequest['headers'] = {}): Promise<RawAnswer> {
    const answer = await send({ headers, body: JSON.stringify(body) })
    expect([answer.status, answer.json?.status]).toEqual([201, 'captured'])
    intended.paid.push(body.publicationId)
    return answer
  }

  /** A payment that stays authorized. */
  async function authorize(): Promise<RawAnswer> {
    const body = paymentOf({ captureMethod: 'manual' })
    const answer = await send({ body: JSON.stringify(body) })
    expect([answer.status, answer.json?.status]).toEqual([201, 'authorized'])
    intended.authorized.push(body.publicationId)
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
    intended.refunded.push(answer.json.refundId)
    return answer
  }

  return { intended, pay, authorize, refund }
}
