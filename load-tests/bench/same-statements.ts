import { fencingNumber, leasedWork } from '@nightshift/patterns/lease/lease'
import { claimSql, newPaymentRows } from '@nightshift/payments/store/claim-payments'
import { changeRows, commitSql, entryRows } from '@nightshift/payments/store/commit-payments'
import { paymentsTable } from '@nightshift/payments/store/payment-row'

const fresh = 'gen_random_uuid()'

/** What begins with a colon is a variable of pgbench. */
const newPayment: Readonly<Record<string, string>> = {
  subject_id: fresh,
  tenant_id: ':tenant',
  key: `${fresh}::text`,
  key_hash: `sha256(${fresh}::text::bytea)`,
  fingerprint: `sha256(${fresh}::text::bytea)`,
  listing_id: fresh,
  publication_id: fresh,
  amount_cents: '9900',
  tax_cents: '0',
  currency: `'EUR'`,
  capture_method: `'automatic'`,
  card_token: `'pm_card_visa'`,
  traceparent: 'NULL',
}

const change: Readonly<Record<string, string>> = {
  subject_id: ':payment_id',
  attempt: '1',
  status: `'captured'`,
  provider_payment_id: `'pi_' || ${fresh}`,
  decline_reason: 'NULL',
  response_status: '201',
  response_headers: ':headers',
  response_body: ':body',
  event_id: fresh,
  topic: `'payments.v1'`,
  payload: ':payload',
  traceparent: 'NULL',
}

const entries: Readonly<Record<string, string>> = {
  payment_id: ':payment_id, :payment_id, :payment_id',
  account: `'provider_clearing', 'fees', 'revenue'`,
  amount_cents: '9736, 164, -9900',
}

const claimValues = [
  ...arraysOf(newPaymentRows.columns, newPayment),
  // Route, lease in ms, first check in ms.
  `'POST /v1/payments'`,
  '10000',
  '6000',
]
const commitValues = [
  ...arraysOf(changeRows.columns, change),
  ...arraysOf(entryRows.columns, entries),
]

/**
 * One payment by pgbench: the statements of the service, with one payment in each and a commit after
 * each. It has no HTTP, no provider, and none of the patterns that are not in a statement.
 */
export const pgbenchScript = [
  `${withValues(claimSql(leasedWork(fencingNumber, paymentsTable)), claimValues)} \\gset`,
  `${withValues(commitSql(fencingNumber), commitValues)};`,
].join('\n')

/** The cast of each array is in the statement. */
function arraysOf(columns: readonly string[], values: Readonly<Record<string, string>>): string[] {
  return columns.map(column => `ARRAY[${values[column]}]`)
}

/** pgbench needs each statement on one line: it would end the statement at the first blank line. */
function withValues(sql: string, values: readonly string[]): string {
  return sql
    .replace(/\$(\d+)/g, (_parameter, number) => `${values[Number(number) - 1]}`)
    .replace(/\s+/g, ' ')
    .trim()
}
