import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import { type Delivery, type Mail, type MailLinks, mailOf } from '../domain/mail.ts'
import {
  decideSending,
  type SendBounds,
  type SendOutcome,
  type SendVerdict,
} from '../domain/sending.ts'
import type { DeliveryStore } from '../store/deliveries.ts'

export type SendMailDeps = {
  /** One attempt, which ends by its own deadline. */
  send: (mail: Mail) => Promise<SendOutcome>
  store: DeliveryStore
  links: MailLinks
  bounds: SendBounds
  retryAfterCapMs: number
}

export type SendResult = SendVerdict | { kind: 'superseded' }

/**
 * Sends one mail and records its outcome. If the process dies between the two, the mail is sent
 * again with the same id. So a crash adds at most one copy of each mail that is in progress. No
 * mail has more than `copiesMax` copies.
 */
export async function sendMail(deps: SendMailDeps, delivery: Delivery): Promise<SendResult> {
  const outcome = await deps.send(mailOf(delivery, deps.links))
  const verdict = decideSending(outcome, delivery, deps.bounds)
  const isLatest = await record(deps, delivery, verdict, retryFloorMs(outcome))
  return isLatest ? verdict : { kind: 'superseded' }
}

function record(
  { store, retryAfterCapMs }: SendMailDeps,
  delivery: Delivery,
  verdict: SendVerdict,
  floorMs: number,
): Promise<boolean> {
  switch (verdict.kind) {
    case 'sent':
      return store.markSent(delivery)
    case 'failed':
      return store.markFailed(delivery, verdict.reason)
    case 'again':
      return store.postpone(delivery, verdict.mayHaveArrived, Math.min(floorMs, retryAfterCapMs))
  }
}
