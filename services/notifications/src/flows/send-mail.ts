import { type Delivery, type Mail, mailOf } from '../domain/mail.ts'
import { decideSending, type SendOutcome, type SendVerdict } from '../domain/sending.ts'

export type SendMailDeps = {
  send: (mail: Mail) => Promise<SendOutcome>
  markSent: (deliveryId: string) => Promise<void>
  markFailed: (deliveryId: string, reason: string) => Promise<void>
  postpone: (deliveryId: string) => Promise<void>
  attemptsMax: number
}

/**
 * Sends one mail and writes down what became of it. Between the two the process may die: then the
 * mail is sent again, under the same id. At most one mail too many per death, and it can be counted.
 */
export async function sendMail(deps: SendMailDeps, delivery: Delivery): Promise<SendVerdict> {
  const outcome = await deps.send(mailOf(delivery))
  const verdict = decideSending(outcome, delivery.attempts, deps.attemptsMax)
  if (verdict.kind === 'sent') await deps.markSent(delivery.deliveryId)
  else if (verdict.kind === 'failed') await deps.markFailed(delivery.deliveryId, verdict.reason)
  else await deps.postpone(delivery.deliveryId)
  return verdict
}
