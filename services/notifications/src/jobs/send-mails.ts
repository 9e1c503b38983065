import type { Reconcile } from '@nightshift/patterns/reconciler/types'
import { contextFrom, inSpan, SpanKind } from '@nightshift/runtime/telemetry/tracing'
import type { Delivery, MailKind } from '../domain/mail.ts'
import { type SendMailDeps, type SendResult, sendMail } from '../flows/send-mail.ts'
import type { NotificationsLog } from '../log-events.ts'

export type MailOutcome = SendResult['kind'] | 'suppressed'

export type SendMailsDeps = {
  reconcile: Reconcile
  mail: SendMailDeps
  /** Counts what became of an attempt, with the delay since the mail was wanted. */
  count: (kind: MailKind, outcome: MailOutcome, delayMs?: number) => void
  turnsMax: number
  concurrencyMax: number
  roundMax: number
  log: NotificationsLog
}

/**
 * Sends due mails, a few at a time. After an abort of the signal no more mails are taken.
 * @returns how many were taken
 */
export function sendMailsOnce(deps: SendMailsDeps, signal: AbortSignal): Promise<number> {
  return deps.reconcile({
    takeOne: () => takeNext(deps, signal),
    finishOne: delivery => sendOne(deps, delivery),
    concurrencyMax: deps.concurrencyMax,
    roundMax: deps.roundMax,
    signal,
  })
}

/** Takes turns with queues until one has a due mail. Undefined if none has. */
async function takeNext(
  { mail, count, turnsMax, log }: SendMailsDeps,
  signal: AbortSignal,
): Promise<Delivery | undefined> {
  for (let turn = 0; turn < turnsMax && !signal.aborted; turn += 1) {
    const taken = await mail.store.take()
    if (taken === undefined) return undefined
    if (taken.is === 'mail') return taken.delivery
    if (taken.is === 'ended') {
      const { deliveryId, status, kind, reason } = taken
      count(kind, status)
      log.warn({ event: endedEventOf[status], deliveryId, reason })
    }
  }
  return undefined
}

const endedEventOf = { suppressed: 'mail.suppressed', failed: 'mail.failed' } as const

const eventOf = {
  sent: 'mail.sent',
  again: 'mail.postponed',
  failed: 'mail.failed',
  superseded: 'mail.superseded',
} as const satisfies Record<SendResult['kind'], string>

async function sendOne(deps: SendMailsDeps, delivery: Delivery): Promise<void> {
  const span = { kind: SpanKind.CLIENT, parent: contextFrom(delivery.traceparent) }
  await inSpan('send mail', span, async () => {
    const { deliveryId, kind, listing, wantedAt, attempt } = delivery
    const result = await sendMail(deps.mail, delivery)
    deps.count(kind, result.kind, Date.now() - wantedAt.getTime())
    const line = {
      event: eventOf[result.kind],
      deliveryId,
      ...(listing ? { listingId: listing.listingId } : {}),
      attempts: attempt,
    }
    if (result.kind === 'sent') deps.log.info(line)
    else deps.log.warn({ ...line, ...(result.kind === 'failed' ? { reason: result.reason } : {}) })
  })
}
