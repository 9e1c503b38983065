import { secondsBuckets } from '@nightshift/runtime/telemetry/metrics'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { MailKind } from './domain/mail.ts'
import type { MailOutcome } from './jobs/send-mails.ts'

/** The metrics of this service alone. The runtime has those that every service has. */
export function createNotificationMetrics(registry: Registry) {
  const registers = [registry]
  const mails = new Counter({
    name: 'mails_total',
    help: 'Mails by kind and by what became of an attempt: sent, again, failed, suppressed or superseded.',
    labelNames: ['kind', 'outcome'] as const,
    registers,
  })
  // Prometheus sees an increase only of a series that was there before.
  for (const kind of ['alert', 'confirmation'] satisfies MailKind[]) {
    for (const outcome of ['sent', 'failed']) mails.inc({ kind, outcome }, 0)
  }
  const mailDelaySeconds = new Histogram({
    name: 'mail_delay_seconds',
    help: 'Time from the listing going live, or from the request for a confirmation, until the mail server accepted the mail.',
    labelNames: ['kind'] as const,
    buckets: [...secondsBuckets, 30, 60, 300],
    registers,
  })
  mailDelaySeconds.zero({ kind: 'alert' })
  return {
    mails,
    mailDelaySeconds,
    mailsOldestSeconds: new Gauge({
      name: 'mails_oldest_waiting_seconds',
      help: 'Age of the oldest mail that is to be sent.',
      registers,
    }),
  }
}

type NotificationMetrics = ReturnType<typeof createNotificationMetrics>

/** Counts what became of an attempt at a mail, and measures the delay of a mail that was sent. */
export function countMails({ mails, mailDelaySeconds }: NotificationMetrics) {
  return (kind: MailKind, outcome: MailOutcome, delayMs = 0): void => {
    mails.inc({ kind, outcome })
    // The clock of the service that published the listing may be ahead of ours.
    if (outcome === 'sent') mailDelaySeconds.observe({ kind }, Math.max(0, delayMs) / 1000)
  }
}
