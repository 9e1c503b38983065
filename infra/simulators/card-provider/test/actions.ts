import { expect } from 'vitest'
import type { Answer, Provider } from './provider.ts'

export const actions = ['confirm', 'capture', 'cancel', 'refund'] as const
export type Action = (typeof actions)[number]

/** The fields of the creation that leads to each status. */
const creationFor = {
  requires_payment_method: { payment_method: 'pm_card_chargeDeclined' },
  requires_confirmation: { confirm: 'false' },
  requires_capture: { capture_method: 'manual' },
  succeeded: {},
  canceled: { confirm: 'false' },
} as const
export type Status = keyof typeof creationFor
export const statuses = Object.keys(creationFor) as Status[]

/** A status from which each action is possible. */
export const readyFor: Readonly<Record<Action, Status>> = {
  confirm: 'requires_confirmation',
  capture: 'requires_capture',
  cancel: 'requires_capture',
  refund: 'succeeded',
}

/** Makes an intent of 99 euros with this status, and answers its id. */
export async function makeIntent(on: Provider, payment: string, status: Status): Promise<string> {
  const { body } = await on.charge(payment, creationFor[status])
  const id: string = body.id ?? body.error.payment_intent.id
  if (status === 'canceled') await on.post(`/payment_intents/${id}/cancel`)
  expect((await on.get(`/v1/payment_intents/${id}`)).body.status).toBe(status)
  return id
}

/** The path and the fields of the request for an action. */
export function requestOf(
  action: Action,
  id: string,
): [path: string, fields: Record<string, string>] {
  if (action === 'refund') {
    return ['/refunds', { payment_intent: id, 'metadata[refund_id]': `r-${id}` }]
  }
  return [`/payment_intents/${id}/${action}`, {}]
}

/** Requests an action, under a key of this intent and action unless another key is given. */
export function perform(
  on: Provider,
  action: Action,
  id: string,
  key = `${action}-${id}`,
): Promise<Answer> {
  return on.post(...requestOf(action, id), { key })
}
