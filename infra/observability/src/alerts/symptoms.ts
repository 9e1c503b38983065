import type { Alert } from './alert.ts'
import type { Windows } from './windows.ts'

/** Longer than any restart, and long before a person would ask where a mail is. */
const outboxSecondsMax = 30
/** The gauge itself calls a consumer stalled from here on. */
const stalledSecondsMax = 15
/** L1 promises a final payment within 90 s after everything works again. */
const openPaymentSecondsMax = 60
const pendingRefundSecondsMax = 300
const waitingMailSecondsMax = 60

/** Alerts on what no share of requests shows: work that waits, and money that a person must look at. */
export function symptomAlerts({ lasting, shown, escalated, silence, traffic }: Windows): Alert[] {
  return [
    {
      name: 'OutboxIsOld',
      severity: 'page',
      expr: `outbox_oldest_unpublished_seconds > ${outboxSecondsMax}`,
      for: lasting,
      summary:
        'An event of {{ $labels.service }} has waited for {{ $value | humanizeDuration }} to be published.',
    },
    {
      name: 'ConsumerIsStalled',
      severity: 'page',
      expr: `consumer_without_progress_seconds > ${stalledSecondsMax}`,
      for: lasting,
      summary: '{{ $labels.service }} makes no progress with {{ $labels.topic }}.',
    },
    {
      name: 'DeadLetters',
      severity: 'ticket',
      expr: `sum by (service, topic) (increase(events_consumed_total{outcome="dead_lettered"}[${shown}])) > 0`,
      for: '0s',
      summary:
        '{{ $labels.service }} could not apply a record of {{ $labels.topic }} and put it aside.',
    },
    {
      name: 'PaymentsStayOpen',
      severity: 'page',
      expr: `payments_oldest_open_seconds > ${openPaymentSecondsMax}`,
      for: lasting,
      summary: 'The outcome of a payment has been open for {{ $value | humanizeDuration }}.',
    },
    {
      name: 'RefundsAreBlocked',
      severity: 'page',
      expr: `sum by (reason) (increase(refunds_blocked_total[${escalated}])) > 0`,
      for: '0s',
      summary: 'The provider will never make a refund that we owe ({{ $labels.reason }}).',
    },
    {
      name: 'RefundsStayPending',
      severity: 'ticket',
      expr: `refunds_oldest_pending_seconds > ${pendingRefundSecondsMax}`,
      for: lasting,
      summary: 'A refund has been pending for {{ $value | humanizeDuration }}.',
    },
    {
      name: 'MailsWait',
      // One mail that its server asks to send later is enough, so it wakes no one.
      severity: 'ticket',
      expr: `mails_oldest_waiting_seconds > ${waitingMailSecondsMax}`,
      for: lasting,
      summary: 'A mail has waited for {{ $value | humanizeDuration }} to be sent.',
    },
    {
      name: 'BreakerIsOpen',
      severity: 'ticket',
      expr: `max by (service, dependency) (breaker_state) > 0`,
      for: lasting,
      summary:
        'The circuit breaker of {{ $labels.service }} to {{ $labels.dependency }} does not close.',
    },
    {
      name: 'NoTraffic',
      severity: 'page',
      expr:
        `sum(rate(http_server_request_duration_seconds_count[${silence}])) == 0 ` +
        `and sum(increase(http_server_request_duration_seconds_count[${traffic}])) >= 100`,
      for: '0s',
      summary: 'No request reaches any service, and before there were some.',
    },
    {
      name: 'ScrapeFails',
      severity: 'page',
      expr: 'up == 0',
      for: lasting,
      summary: 'The metrics of {{ $labels.job }} cannot be read, so no other alert can see it.',
    },
    {
      name: 'ScrapeIsAbsent',
      severity: 'page',
      expr: ['payments', 'listings', 'notifications']
        .map(service => `absent(up{job="${service}"})`)
        .join(' or '),
      for: lasting,
      summary: 'Prometheus is not told where {{ $labels.job }} is.',
    },
  ]
}
