import type { ReadAddress } from '@nightshift/contracts/email-address'
import { termsQuery } from '@nightshift/contracts/search-terms'
import { inTransaction, type Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Pool } from 'pg'
import type { Alert, SaveAlertDeps } from '../flows/save-alert.ts'

/**
 * The statements of one address, bound to one transaction that holds its row. Another request
 * about the same address waits, so a bound on their number holds and the same alert saved twice
 * at once is found by the second.
 */
export function addressTransaction(
  pool: Pool,
  confirmationEveryMs: number,
): SaveAlertDeps['withAddress'] {
  return (address, work) =>
    inTransaction(pool, async tx => {
      await holdAddress(tx, address)
      const { identity } = address
      return work({
        findSame: alert => findSame(tx, identity, alert),
        countAlerts: () => countAlerts(tx, identity),
        insertAlert: (alertId, alert) => insertAlert(tx, alertId, identity, alert),
        askForConfirmation: () => askForConfirmation(tx, identity, confirmationEveryMs),
      })
    })
}

async function holdAddress(tx: Queryable, { identity, sendTo }: ReadAddress): Promise<void> {
  await tx.query({
    name: 'insert_address',
    text: 'INSERT INTO addresses (address, send_to) VALUES ($1, $2) ON CONFLICT DO NOTHING',
    values: [identity, sendTo],
  })
  // Not FOR UPDATE: mails are intended for the address meanwhile, which locks its key.
  await tx.query({
    name: 'hold_address',
    text: 'SELECT FROM addresses WHERE address = $1 FOR NO KEY UPDATE',
    values: [identity],
  })
}

/** What makes two alerts the same. With IS NOT DISTINCT FROM no index could be used for the filters. */
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

/** One mail in so much time, however many alerts are saved: an address can't be flooded through us. */
async function askForConfirmation(tx: Queryable, address: string, everyMs: number): Promise<void> {
  await tx.query({
    name: 'ask_for_confirmation',
    text: `WITH asked AS (
             UPDATE addresses SET confirmation_asked_at = now()
             WHERE address = $1 AND confirmed_at IS NULL
               AND (confirmation_asked_at IS NULL
                    OR confirmation_asked_at < now() - $2 * interval '1 millisecond')
             RETURNING address, consent_version)
           INSERT INTO deliveries (address, consent_version)
           SELECT address, consent_version FROM asked`,
    values: [address, everyMs],
  })
}
