import { fencing } from '@nightshift/patterns/lease/lease'
import { claimSql } from '@nightshift/payments/store/claim-payments'
import { settleSql } from '@nightshift/payments/store/settle-payments'

const one = (expression: string, type: string) => `ARRAY[${expression}]::${type}[]`
const fresh = 'gen_random_uuid()'
const nothing = (type: string) => one('NULL', type)

/** The values of the numbered parameters. A name with a colon is a variable of pgbench. */
const claimValues = [
  one(fresh, 'uuid'),
  one(':tenant', 'uuid'),
  one(`${fresh}::text`, 'text'),
  one(`sha256(${fresh}::text::bytea)`, 'bytea'),
  one(`sha256(${fresh}::text::bytea)`, 'bytea'),
  one(fresh, 'uuid'),
  one(fresh, 'uuid'),
  one('9900', 'integer'),
  one('0', 'integer'),
  one(`'EUR'`, 'text'),
  one(`'automatic'`, 'text'),
  one(`'pm_card_visa'`, 'text'),
  nothing('text'),
  `'POST /v1/payments'`,
  `'pgbench'`,
  '10000',
  '6000',
]

const settleValues = [
  one(':payment_id', 'uuid'),
  one('1', 'integer'),
  one(`'pending'`, 'text'),
  one(`'captured'`, 'text'),
  one(`'pi_' || ${fresh}`, 'text'),
  nothing('text'),
  one('201', 'integer'),
  one(':headers', 'jsonb'),
  one(':body', 'text'),
  one(fresh, 'uuid'),
  one(`'payments.v1'`, 'text'),
  one(':payload', 'text'),
  nothing('text'),
  `ARRAY[:payment_id, :payment_id, :payment_id]::uuid[]`,
  `ARRAY['provider_clearing', 'fees', 'revenue']`,
  'ARRAY[9736, 164, -9900]::bigint[]',
]

/**
 * One payment by pgbench: the statements of the service, with one payment in each and a commit after
 * each. It has no HTTP, no provider, and none of the patterns that are not in a statement.
 */
export const pgbenchScript = [
  `${withValues(claimSql, claimValues)} \\gset`,
  `${withValues(settleSql(fencing), settleValues)};`,
].join('\n')

/** pgbench needs each statement on one line: it would end the statement at the first blank line. */
function withValues(sql: string, values: readonly string[]): string {
  return sql
    .replace(/\$(\d+)(::\w+\[\])?/g, (_parameter, number) => `${values[Number(number) - 1]}`)
    .replace(/\s+/g, ' ')
    .trim()
}
