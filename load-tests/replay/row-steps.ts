import type { RecordedRows } from './recorded-payment.ts'
import type { Lane, Step } from './steps.ts'

type Row = Readonly<{ service: Lane; t: number; text: string }>

/**
 * The rows that the services wrote, and the records and mails that left them. Rows with the same time
 * are from one transaction, because PostgreSQL's `now()` is the time at which the transaction began.
 */
export function rowSteps(rows: RecordedRows): Step[] {
  const written = [...paymentRows(rows), ...listingRows(rows), ...notificationRows(rows)]
  const transactions = Map.groupBy(written, ({ service, t }) => `${service} ${t}`)
  const steps = [...transactions.values()].flatMap((together): Step[] => {
    const [first] = together
    if (!first) return []
    const text = [...new Set(together.map(row => row.text))].join(' + ')
    return [{ t: first.t, kind: 'message', from: first.service, to: 'database', text }]
  })
  return [...steps, ...recordSteps(rows), ...mailSteps(rows)]
}

function paymentRows(rows: RecordedRows): Row[] {
  const service = 'payments'
  return [
    ...rows.paymentKeys.map(
      ({ createdAt }) => ({ service, t: createdAt, text: 'key claimed' }) as const,
    ),
    ...rows.payments.flatMap(({ createdAt, updatedAt, status }): Row[] => [
      ...(createdAt === updatedAt
        ? []
        : [{ service, t: createdAt, text: 'payment noted' } as const]),
      { service, t: updatedAt, text: `payment ${status}` },
    ]),
    ...rows.refunds.flatMap(({ createdAt, succeededAt }): Row[] => [
      { service, t: createdAt, text: 'refund noted' },
      ...(succeededAt === null
        ? []
        : [{ service, t: succeededAt, text: 'refund succeeded' } as const]),
    ]),
    ...rows.ledgerTransactions.map(
      ({ postedAt, source }) => ({ service, t: postedAt, text: `ledger: ${source}` }) as const,
    ),
    ...rows.paymentOutbox.map(
      ({ createdAt }) => ({ service, t: createdAt, text: 'event in outbox' }) as const,
    ),
  ]
}

function listingRows(rows: RecordedRows): Row[] {
  const service = 'listings'
  return [
    ...rows.publicationKeys.map(
      ({ createdAt }) => ({ service, t: createdAt, text: 'key claimed' }) as const,
    ),
    ...rows.publications.flatMap(({ createdAt, updatedAt, status }): Row[] => [
      ...(createdAt === updatedAt
        ? []
        : [{ service, t: createdAt, text: 'publication noted' } as const]),
      { service, t: updatedAt, text: `publication ${status}` },
    ]),
    ...rows.listings.flatMap(({ publishedAt }): Row[] =>
      publishedAt === null ? [] : [{ service, t: publishedAt, text: 'listing public' }],
    ),
    ...rows.listingInbox.map(
      ({ appliedAt }) => ({ service, t: appliedAt, text: 'event in inbox' }) as const,
    ),
    ...rows.listingOutbox.map(
      ({ createdAt }) => ({ service, t: createdAt, text: 'event in outbox' }) as const,
    ),
  ]
}

function notificationRows(rows: RecordedRows): Row[] {
  const service = 'notifications'
  return [
    ...rows.notificationInbox.map(
      ({ appliedAt }) => ({ service, t: appliedAt, text: 'event in inbox' }) as const,
    ),
    ...rows.deliveries.flatMap(({ createdAt, sentAt }): Row[] => [
      { service, t: createdAt, text: 'mail noted' },
      ...(sentAt === null ? [] : [{ service, t: sentAt, text: 'mail noted as sent' } as const]),
    ]),
  ]
}

function recordSteps({ records }: RecordedRows): Step[] {
  return records.map(({ t, topic, event, deadLetter }) => {
    const from = topic.startsWith('listings') ? 'listings' : 'payments'
    const text = deadLetter ? `dead letter: ${deadLetter.reason}` : `${event?.type} in ${topic}`
    return { t, kind: 'message', from, to: 'kafka', text }
  })
}

const mailWords: Readonly<Record<string, string>> = {
  'mail.accepted': 'mail accepted',
  'mail.refused': 'mail refused',
  'mail.unanswered': 'mail accepted, and the answer is lost',
}

function mailSteps({ mails }: RecordedRows): Step[] {
  return mails.map(({ t, type }) => ({
    t,
    kind: 'fact',
    from: 'mail',
    text: mailWords[type] ?? type,
  }))
}
