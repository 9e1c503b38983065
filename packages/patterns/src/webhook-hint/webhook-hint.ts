/**
 * Fault:    webhooks come twice, out of order, and before the answer that they are about.
 * Without:  load-tests/results/webhook-hint.json (posted twice, or an old state); the code is
 * `naive.ts`.
 * With:     a webhook changes no state: it is recorded once, and the sender is asked sooner.
 * Switch:   PATTERN_WEBHOOK_HINT=naive
 */
import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { WorkTable } from '../lease/lease.ts'
import type { ReceiveWebhook } from './types.ts'

/** The state is read from the sender itself, so the order of events does not matter. */
export const recordAndRecheck: ReceiveWebhook = async ({ recordOnce }) =>
  (await recordOnce()) ? 'recorded' : 'duplicate'

export type ReceivedWebhook = Readonly<{
  eventId: string
  type: string
  /** The work that the event is about, if it names any. */
  subjectId: string | undefined
}>

/**
 * Records a webhook and makes its work due now, in one statement. False if it was recorded before.
 *
 * Only work that a request has left open (`checks` above 0) becomes due. A request in progress gets
 * the answer itself, and a takeover would only interrupt it. A webhook about work that does not
 * exist yet is recorded for people and has no effect: the request of that work asks the sender
 * itself.
 */
export async function recordWebhookOnce(
  db: Queryable,
  { eventId, type, subjectId }: ReceivedWebhook,
  { table, id }: WorkTable,
): Promise<boolean> {
  const { rowCount } = await db.query({
    name: 'record_webhook_once',
    text: `WITH recorded AS (
             INSERT INTO provider_webhooks (event_id, type, subject_id) VALUES ($1, $2, $3)
             ON CONFLICT (event_id) DO NOTHING RETURNING subject_id
           ), rechecked AS (
             UPDATE ${table} t SET next_check_at = least(t.next_check_at, now())
             FROM recorded r
             WHERE t.${id} = r.subject_id AND t.next_check_at IS NOT NULL AND t.checks > 0
           )
           SELECT FROM recorded`,
    values: [eventId, type, subjectId ?? null],
  })
  return rowCount === 1
}

/**
 * Makes work due now that a request has just left open, if a webhook about it came while the request
 * was waiting for an answer. It is due now only once: later checks wait as usual. Webhooks from before
 * the last change of the row (`updated_at`) are about an earlier step. A webhook that is recorded at
 * the very same moment may be missed: then the usual wait applies.
 */
export async function heedEarlierWebhook(
  db: Queryable,
  subjectId: string,
  { table, id }: WorkTable,
): Promise<void> {
  await db.query({
    name: `heed_earlier_webhook_of_${table}`,
    text: `UPDATE ${table} t SET next_check_at = now()
           WHERE t.${id} = $1 AND t.next_check_at IS NOT NULL AND t.checks = 1
             AND EXISTS (SELECT FROM provider_webhooks w
                         WHERE w.subject_id = $1 AND w.received_at >= t.updated_at)`,
    values: [subjectId],
  })
}

/**
 * Forgets webhooks that the sender does not repeat any more. One that came again after all would only
 * cause another check.
 */
export function forgetOldWebhooks(
  db: Queryable,
  keptDays: number,
  rowsMax: number,
): Promise<number> {
  return deleteRows(db, {
    name: 'forget_old_webhooks',
    table: 'provider_webhooks',
    oldest: `SELECT ctid FROM provider_webhooks
             WHERE received_at < now() - $1 * interval '1 day'
             ORDER BY received_at LIMIT ${rowsMax}`,
    values: [keptDays],
  })
}
