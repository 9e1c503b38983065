/**
 * The table of what keys create, for example payments. Rows are found by `tenant_id` and
 * `key_hash`.
 */
export type SubjectTable = Readonly<{ table: string; id: string }>

export type ClaimKeysSql = Readonly<{
  /** A table of requests with tenant_id, key, key_hash, fingerprint, subject_id. */
  requests: string
  subjects: SubjectTable
  /** The parameter of the statement for the route, such as `$2`. */
  route: string
  /** The parameter for the lease. */
  leaseMs: string
}>

/**
 * The common table expression `claimed` (subject_id, tenant_id, key): one row for each request that
 * wins its key. It works for one request or many. `INSERT ... ON CONFLICT` arbitrates, so two
 * attempts at the same moment can't both find no key. An owner that has been silent for a whole
 * lease is replaced. Its successor keeps the id of the subject, and so continues what the owner
 * began.
 *
 * If the subject exists, only such a takeover may succeed, even when its key row has expired: a new
 * key row would never get an answer.
 *
 * Keys are claimed in one order, or two batches with the same keys would deadlock.
 */
export function claimKeysSql({ requests, subjects, route, leaseMs }: ClaimKeysSql): string {
  return `claimed AS (
    INSERT INTO idempotency_keys AS k
      (tenant_id, route, key, fingerprint, subject_id, leased_until)
    SELECT r.tenant_id, ${route}, r.key, r.fingerprint, r.subject_id,
      now() + ${leaseMs} * interval '1 millisecond'
    FROM ${requests} r
    LEFT JOIN ${subjects.table} s ON s.tenant_id = r.tenant_id AND s.key_hash = r.key_hash
    LEFT JOIN idempotency_keys f
      ON f.tenant_id = r.tenant_id AND f.route = ${route} AND f.key = r.key
    WHERE s.${subjects.id} IS NULL OR (f.response_status IS NULL AND f.leased_until < now())
    ORDER BY r.tenant_id, r.key
    ON CONFLICT (tenant_id, route, key) DO UPDATE
      SET leased_until = excluded.leased_until
      WHERE k.response_status IS NULL AND k.leased_until < now()
        AND k.fingerprint = excluded.fingerprint
    RETURNING subject_id, tenant_id, key
  )`
}
