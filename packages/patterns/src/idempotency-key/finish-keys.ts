import { deleteRows } from '@nightshift/runtime/postgres/delete-rows'
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { StoredAnswer } from './types.ts'

/**
 * The common table expression `finished`: stores the answers of `settled` under their keys, unless
 * a key has one. An UPDATE locks its rows in any order. So the keys are locked first, in the order
 * in which a claim locks them: two batches with the same keys wait for each other and do not
 * deadlock.
 * @param settled rows with subject_id, response_status (null: no answer), response_headers,
 * response_body
 */
export function finishKeysSql(settled: string): string {
  return `answered AS (
    SELECT k.subject_id, k.response_status IS NULL AS is_open
    FROM ${settled} s JOIN idempotency_keys k ON k.subject_id = s.subject_id
    WHERE s.response_status IS NOT NULL
    ORDER BY k.tenant_id, k.key FOR NO KEY UPDATE OF k
  ), finished AS (
    UPDATE idempotency_keys k
    SET response_status = s.response_status, response_headers = s.response_headers,
      response_body = s.response_body
    FROM ${settled} s JOIN answered a USING (subject_id)
    WHERE k.subject_id = s.subject_id AND a.is_open
  )`
}

/** Stores the answer of one key, in a transaction of the caller. The first answer stays. */
export async function finishKey(tx: Queryable, id: string, answer: StoredAnswer): Promise<void> {
  await tx.query({
    name: 'finish_idempotency_key',
    text: `UPDATE idempotency_keys
           SET response_status = $2, response_headers = $3, response_body = $4
           WHERE subject_id = $1 AND response_status IS NULL`,
    values: [id, answer.status, JSON.stringify(answer.headers), answer.body],
  })
}

/** Releases a key without an answer. Its lease ends, so the next attempt may continue at once. */
export async function releaseKey(db: Queryable, id: string): Promise<void> {
  await db.query({
    name: 'release_idempotency_key',
    text: `UPDATE idempotency_keys SET leased_until = now() - interval '1 millisecond'
           WHERE subject_id = $1 AND response_status IS NULL`,
    values: [id],
  })
}

/**
 * Deletes a bounded number of expired keys. A key without an answer stays: its payment, refund or
 * publication is open, or its publication was withdrawn and may be begun again.
 */
export function deleteExpiredKeys(db: Queryable, rowsMax: number): Promise<number> {
  return deleteRows(db, {
    name: 'delete_expired_keys',
    table: 'idempotency_keys',
    oldest: `SELECT ctid FROM idempotency_keys
             WHERE expires_at < now() AND response_status IS NOT NULL
             ORDER BY expires_at LIMIT ${rowsMax} FOR UPDATE SKIP LOCKED`,
  })
}
