import type { ReadAddress } from '@nightshift/contracts/email-address'
import { termsQuery } from '@nightshift/contracts/search-terms'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import type { Alert, SaveAlertDeps } from '../flows/save-alert.ts'

/**
 * The statements about one address, in one transaction that locks its row. Another request about
 * the same address waits. So the number of alerts stays bounded, and the second of two equal
 * requests finds the alert of the first.
 */
export function addressTransaction(
  pool: Pool,
  confirmationEveryMs: number,
): SaveAlertDeps['withAddress'] {
  return (address, work) =>
    inTransaction(pool, async tx => {
      await lockAddress(tx, address)
      const { identity } = address
      return work({
        findSame: alert => findSame(tx, identity, alert),
        countAlerts: () => countAlerts(tx, identity),
        insertAlert: (alertId, alert) => insertAlert(tx, alertId, identity, alert),
        requestConfirmation: () => requestConfirmation(tx, identity, confirmationEveryMs),
      })
    })
}

/**
 * Inserts the row of the address, or locks the one that is there. It is one statement, because the job
 * that deletes addresses may come between two. An update of no key column does not block inserts of
 * deliveries, which lock the key of the address.
 */
async function lockAddress(tx: Queryable, { identity, sendTo }: ReadAddress): Promise<void> {
  await tx.query({
    name: 'lock_address',
    text: `INSERT INTO addresses AS a (address, send_to) VALUES ($1, $2)
           ON CONFLICT (address) DO UPDATE SET send_to = a.send_to`,
    values: [identity, sendTo],
  })
}

/**
 * Finds an alert with equal terms and filters. IS NOT DISTINCT FROM uses no index, and needs none:
 * an address has few alerts.
 */
async function findSame(
  tx: Queryable,
  address: string,
  { terms, area, seniority, salaryAtLeastEurPerYear }: Alert,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ alert_id: string }>({
    name: 'find_same_alert',
    text: `SELECT alert_id FROM alerts
           WHERE address = $1 AND (terms, area, seniority, salary_at_least_eur)
             IS NOT DISTINCT FROM ($2::text[], $3::text, $4::text, $5::int)`,
    values: [address, terms, area, seniority, salaryAtLeastEurPerYear],
  })
  return rows[0]?.alert_id
}

async function countAlerts(tx: Queryable, address: string): Promise<number> {
  const { rows } = await tx.query<{ count: number }>({
    name: 'count_alerts',
    text: 'SELECT count(*)::int AS count FROM alerts WHERE address = $1',
    values: [address],
  })
  return rows[0]?.count ?? 0
}

async function insertAlert(
  tx: Queryable,
  alertId: string,
  address: string,
  { text, terms, anchor, area, seniority, salaryAtLeastEurPerYear }: Alert,
): Promise<void> {
  const query = terms === undefined ? undefined : termsQuery(terms)
  await tx.query({
    name: 'insert_alert',
    text: `INSERT INTO alerts
             (alert_id, address, text, terms, query, anchor, area, seniority, salary_at_least_eur)
           VALUES ($1, $2, $3, $4::text[], $5::tsquery, $6, $7, $8, $9)`,
    values: [
      alertId,
      address,
      text,
      terms,
      query,
      anchor,
      area,
      seniority,
      salaryAtLeastEurPerYear,
    ],
  })
}

/** Plans at most one mail in `everyMs`, so that saving alerts can't flood an address with mails. */
async function requestConfirmation(tx: Queryable, address: string, everyMs: number): Promise<void> {
  await tx.query({
    name: 'request_confirmation',
    text: `WITH requested AS (
             UPDATE addresses SET confirmation_asked_at = now()
             WHERE address = $1 AND confirmed_at IS NULL
               AND (confirmation_asked_at IS NULL
                    OR confirmation_asked_at < now() - $2 * interval '1 millisecond')
             RETURNING address, consent_version)
           INSERT INTO deliveries (address, consent_version)
           SELECT address, consent_version FROM requested`,
    values: [address, everyMs],
  })
}
