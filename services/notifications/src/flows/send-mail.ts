import { retryFloorMs } from '@nightshift/runtime/process/outcome'
import { type Delivery, type Mail, type MailLinks, mailOf } from '../domain/mail.ts'
import {
  decideSending,
  type SendBounds,
  type SendOutcome,
  type SendVerdict,
} from '../domain/sending.ts'

/** One attempt of one delivery. Its outcome counts only while it is the latest. */
export type Attempt = { deliveryId: string; attempt: number }

export type SendMailDeps = {
  send: (mail: Mail) => Promise<SendOutcome>
  /** The marks answer false when a later attempt has begun, which then decides. */
  markSent: (attempt: Attempt) => Promise<boolean>
  markFailed: (attempt: Attempt, reason: string) => Promise<boolean>
  postpone: (attempt: Attempt, mayHaveArrived: boolean, floorMs: number) => Promise<boolean>
  links: MailLinks
  bounds: SendBounds
  retryAfterCapMs: number
}

export type SendResult = SendVerdict | { kind: 'superseded' }

/**
 * Sends one mail and writes down what became of it. Between the two the process may die: then the
 * mail is sent again, under the same id. Each death adds at most as many copies as mails were being
 * sent at once, and no mail is sent more often than `copiesMax` in all.
 */
export async function sendMail(deps: SendMailDeps, delivery: Delivery): Promise<SendResult> {
  const outcome = await deps.send(mailOf(delivery, deps.links))
  const verdict = decideSending(outcome, delivery, deps.bounds)
  const isLatest = await writeDown(deps, delivery, verdict, retryFloorMs(outcome))
  return isLatest ? verdict : { kind: 'superseded' }
}

function writeDown(
  deps: SendMailDeps,
  delivery: Delivery,
  verdict: SendVerdict,
  floorMs: number,
): Promise<boolean> {
  switch (verdict.kind) {
    case 'sent':
      return deps.markSent(delivery)
    case 'failed':
      return deps.markFailed(delivery, verdict.reason)
    case 'again':
      return deps.postpone(
        delivery,
        verdict.mayHaveArrived,
        Math.min(floorMs, deps.retryAfterCapMs),
      )
  }
}
