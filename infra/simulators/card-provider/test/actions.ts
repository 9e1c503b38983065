import { expect } from 'vitest'
import type { Answer, Provider } from './provider.ts'

export const acts = ['confirm', 'capture', 'cancel', 'refund'] as const
export type Act = (typeof acts)[number]

/** How an intent comes to stand in each status. */
const makes = {
  requires_payment_method: { payment_method: 'pm_card_chargeDeclined' },
  requires_confirmation: { confirm: 'false' },
  requires_capture: { capture_method: 'manual' },
  succeeded: {},
  canceled: { confirm: 'false' },
} as const
export type Status = keyof typeof makes
export const statuses = Object.keys(makes) as Status[]

/** A status from which an act is possible. */
export const readyFor: Readonly<Record<Act, Status>> = {
  confirm: 'requires_confirmation',
  capture: 'requires_capture',
  cancel: 'requires_capture',
  refund: 'succeeded',
}

/** Makes an intent over 99 euros that stands there, and answers its id. */
export async function makeIntent(on: Provider, payment: string, status: Status): Promise<string> {
  const { body } = await on.charge(payment, makes[status])
  const id: string = body.id ?? body.error.payment_intent.id
  if (status === 'canceled') await on.post(`/payment_intents/${id}/cancel`)
  expect((await on.get(`/v1/payment_intents/${id}`)).body.status).toBe(status)
  return id
}

/** Where an act is asked for, and what has to be said besides. */
export function requestOf(act: Act, id: string): [path: string, fields: Record<string, string>] {
  if (act === 'refund')
    return ['/refunds', { payment_intent: id, 'metadata[refund_id]': `r-${id}` }]
  return [`/payment_intents/${id}/${act}`, {}]
}

/** Asks for it, under a key of this intent and act unless told otherwise. */
export function perform(on: Provider, act: Act, id: string, key = `${act}-${id}`): Promise<Answer> {
  return on.post(...requestOf(act, id), { key })
}
