/** The table that remembers what a key made, by `tenant_id` and `key_hash`. */
export type SubjectTable = Readonly<{ table: string; id: string }>

export type ClaimKeysSql = Readonly<{
  /** Rows with tenant_id, key, key_hash, fingerprint, subject_id. */
  requests: string
  subjects: SubjectTable
  /** Parameters of the statement. */
  route: string
  leaseMs: string
}>

/**
 * The common table expression `claimed` (subject_id, tenant_id, key): one claim for each request that
 * wins its key, for one request or many. `INSERT ... ON CONFLICT` arbitrates, so two attempts at the
 * same moment can't both see "not there". An owner that has been silent for a whole lease is
 * replaced. Its successor keeps the subject's id, so that what the dead owner did is continued.
 *
 * If the subject exists, only such a takeover may succeed, even when its key row has expired: a fresh
 * key row would never be given an answer.
 *
 * Keys are taken in one order, or two batches with the same keys would wait for each other.
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
