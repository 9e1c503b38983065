import type { Log } from '@nightshift/runtime/logger'
import { contextFrom, inSpan, SpanKind } from '@nightshift/runtime/telemetry'
import type { Delivery } from '../domain/mail.ts'
import type { SendVerdict } from '../domain/sending.ts'
import { type SendMailDeps, sendMail } from '../flows/send-mail.ts'

export type SendMailsDeps = {
  takeDue: () => Promise<Delivery[]>
  mail: SendMailDeps
  concurrencyMax: number
  log: Log
}

/**
 * Sends the mails that are due, a few at a time.
 * @returns how many were looked at
 */
export async function sendMailsOnce(deps: SendMailsDeps): Promise<number> {
  const due = await deps.takeDue()
  const queue = due.values()
  const worker = async () => {
    for (const one of queue) await sendOne(deps, one)
  }
  await Promise.all(Array.from({ length: deps.concurrencyMax }, worker))
  return due.length
}

const eventOf = {
  sent: 'mail.sent',
  again: 'mail.postponed',
  failed: 'mail.failed',
} as const satisfies Record<SendVerdict['kind'], string>

async function sendOne(deps: SendMailsDeps, delivery: Delivery): Promise<void> {
  const span = { kind: SpanKind.CLIENT, parent: contextFrom(delivery.traceparent) }
  await inSpan('send mail', span, async () => {
    const { deliveryId, listing, attempts } = delivery
    const verdict = await sendMail(deps.mail, delivery)
    const line = {
      event: eventOf[verdict.kind],
      deliveryId,
      listingId: listing.listingId,
      attempts,
    }
    if (verdict.kind === 'sent') deps.log.info(line)
    else
      deps.log.warn({ ...line, ...(verdict.kind === 'failed' ? { reason: verdict.reason } : {}) })
  })
}
