import type { SaveAlertRequest } from '@nightshift/contracts/notifications-http'
import type { Queryable } from '@nightshift/runtime/postgres'

/**
 * Saves an alert, or finds the same one. Answers undefined when the address has too many.
 * Two requests at once may pass the count together: the bound is against abuse, not an invariant.
 */
export async function saveAlert(
  db: Queryable,
  alertId: string,
  alert: SaveAlertRequest,
  perAddressMax: number,
): Promise<string | undefined> {
  const { email, text, area, seniority, salaryAtLeastEurPerYear } = alert
  const { rows } = await db.query<{ alert_id: string }>({
    name: 'save_alert',
    text: `WITH same AS (
             SELECT alert_id FROM alerts
             WHERE (email, text, area, seniority, salary_at_least_eur)
               IS NOT DISTINCT FROM ($2::text, $3::text, $4::text, $5::text, $6::int)
           ), saved AS (
             INSERT INTO alerts (alert_id, email, text, area, seniority, salary_at_least_eur)
             SELECT $1, $2, $3, $4, $5, $6
             WHERE NOT EXISTS (SELECT FROM same)
               AND (SELECT count(*) FROM alerts WHERE email = $2) < $7
             ON CONFLICT (email, text, area, seniority, salary_at_least_eur)
               DO NOTHING
             RETURNING alert_id
           )
           SELECT alert_id FROM same UNION ALL SELECT alert_id FROM saved`,
    values: [alertId, email, text, area, seniority, salaryAtLeastEurPerYear, perAddressMax],
  })
  return rows[0]?.alert_id
}
