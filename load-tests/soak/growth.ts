import { limits as listings } from '@nightshift/listings/limits'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { limits as notifications } from '@nightshift/notifications/limits'
import { limits as payments } from '@nightshift/payments/limits'
import { round } from '../reporting/figures.ts'
import type { Sample } from './sample.ts'
import type { TableSize } from './table-sizes.ts'

const keysKeptDays = 1
const forEver = Number.POSITIVE_INFINITY

/**
 * For how many days a row is kept; for ever means business data. The reasons stand in
 * docs/what-is-kept.md, which a test compares with this.
 */
export const keptDays: Readonly<Record<ServiceName, Readonly<Record<string, number>>>> = {
  payments: {
    payments: forEver,
    refunds: forEver,
    ledger_transactions: forEver,
    ledger_entries: forEver,
    statement_lines: forEver,
    statement_position: forEver,
    idempotency_keys: keysKeptDays,
    outbox: payments.oldRows.eventsKeptDays,
    outbox_lane: forEver,
    provider_webhooks: payments.oldRows.webhooksKeptDays,
    api_keys: forEver,
  },
  listings: {
    listings: forEver,
    publications: forEver,
    idempotency_keys: keysKeptDays,
    outbox: listings.oldRows.eventsKeptDays,
    outbox_lane: forEver,
    inbox: listings.oldRows.eventsKeptDays,
    api_keys: forEver,
  },
  notifications: {
    addresses: forEver,
    alerts: forEver,
    announcements: notifications.oldRows.announcementsKeptDays,
    mail_queues: notifications.oldRows.announcementsKeptDays,
    deliveries: notifications.oldRows.announcementsKeptDays,
    inbox: notifications.oldRows.eventsKeptDays,
  },
}

type Sizes = Pick<Sample, 'atMs' | 'tables'>

/** What a table had, and how fast it grew in the second half of a run. */
export type Growth = Readonly<{
  service: ServiceName
  table: string
  rowsBefore: number
  rowsAfter: number
  bytesBefore: number
  bytesAfter: number
  rowsPerThousandPayments: number
  bytesPerThousandPayments: number
  /** Undefined for business data. */
  keptDays: number | undefined
  /** What it has in the end at this rate, when as much is deleted as is added. */
  settlesAtBytes: number | undefined
}>

/**
 * How each table grew. The rates are those of the second half of a run, because in the first half old
 * rows are deleted that were there at the begin.
 * @throws for a table whose rows have no age in `keptDays`, and when no payment was made in the second
 *   half, because there is nothing then to divide by
 */
export function growthOf(run: Readonly<{ before: Sizes; half: Sizes; after: Sizes }>): Growth[] {
  const { before, half, after } = run
  const seconds = (after.atMs - half.atMs) / 1_000
  const made = paymentsIn(after) - paymentsIn(half)
  if (made <= 0) throw new Error('No payment was made in the second half of the run.')
  const thousands = made / 1_000
  return after.tables.map(({ service, table, rows, bytes }) => {
    const days = keptDays[service]?.[table]
    if (days === undefined) throw new Error(`${service}.${table} has no age in keptDays.`)
    const atBegin = sizeIn(before, service, table)
    const atHalf = sizeIn(half, service, table)
    const bytesPerSecond = Math.max(0, (bytes - atHalf.bytes) / seconds)
    const settles = Number.isFinite(days) ? Math.round(bytesPerSecond * days * 86_400) : undefined
    return {
      service,
      table,
      rowsBefore: atBegin.rows,
      rowsAfter: rows,
      bytesBefore: atBegin.bytes,
      bytesAfter: bytes,
      rowsPerThousandPayments: round((rows - atHalf.rows) / thousands),
      bytesPerThousandPayments: Math.round((bytes - atHalf.bytes) / thousands),
      keptDays: Number.isFinite(days) ? days : undefined,
      settlesAtBytes: settles,
    }
  })
}

/** How many payments there are. */
export function paymentsIn(sizes: Sizes): number {
  return sizeIn(sizes, 'payments', 'payments').rows
}

function sizeIn(sizes: Sizes, service: ServiceName, table: string): TableSize {
  const size = sizes.tables.find(one => one.service === service && one.table === table)
  if (size === undefined) throw new Error(`there is no table ${service}.${table}`)
  return size
}
