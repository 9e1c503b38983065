/**
 * Fault:    webhooks come twice, out of order, and before the answer that they are about.
 * Without:  load-tests/results/webhook-hint.json (posted twice, or gone back); the code is `naive.ts`.
 * With:     a webhook changes no state: it is recorded once, and the sender is asked sooner.
 * Switch:   PATTERN_WEBHOOK_HINT=naive
 */
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { WorkTable } from '../lease/lease.ts'
import type { ReceiveWebhook } from './types.ts'

/** The truth is asked for at the sender, so it does not matter in which order the events came. */
export const recordAndRecheck: ReceiveWebhook = async ({ recordOnce }) =>
  (await recordOnce()) ? 'recorded' : 'duplicate'

export type ReceivedWebhook = Readonly<{
  eventId: string
  type: string
  /** The work that it is about, if the event names any. */
  subjectId: string | undefined
}>

/**
 * Records a webhook and makes its work due now, in one statement. False if it was recorded before.
 *
 * Only work that a request has left open (`checks` above 0) becomes due: while a request is in
 * progress it gets the answer itself, and a takeover would only take the work out of its hands. A
 * webhook about work that does not exist yet is recorded for people. Nothing has to happen later: the
 * request of that work asks the sender itself.
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
