/**
 * Fault:    the answer is lost and the client sends the same request again.
 * Without:  load-tests/results/idempotency-key.json (charged too often); the code is `naive.ts`.
 * With:     one charge per key: the second attempt continues or replays the first.
 * Switch:   PATTERN_IDEMPOTENCY_KEY=naive
 */
import { claimKeysSql, type SubjectTable } from './claim-keys.ts'
import { explainClaim } from './explain-claim.ts'
import { fingerprintOf, keyHashOf } from './fingerprint.ts'
import { finishKey, releaseKey } from './finish-keys.ts'
import type { IdempotencyKeys, KeyedRequest } from './types.ts'

export type KeySettings = Readonly<{
  /** The table of what the keys create. */
  subjects: SubjectTable
  /**
   * How long an owner may be silent. It must be longer than a request may take, or a slow owner is
   * replaced while it works.
   */
  leaseMs: number
}>

/**
 * Keys for one request at a time, in transactions of the caller. The keys are in the service's own
 * database, beside the data they protect: only there can the answer be stored in the transaction
 * that makes it true. `claimKeysSql` and `finishKeysSql` apply the same rules to many requests in
 * one statement. Modeled on Stripe's documented behavior
 * (https://docs.stripe.com/api/idempotent_requests).
 */
export function idempotencyKeys({ subjects, leaseMs }: KeySettings): IdempotencyKeys {
  const claims = claimKeysSql({ requests: 'request', subjects, route: '$2', leaseMs: '$7' })
  return {
    claim: async (tx, request) => {
      const { tenantId, route, key, keyHash, fingerprint, proposedId } = request
      const { rows } = await tx.query<{ subject_id: string }>({
        name: `claim_key_of_${subjects.table}`,
        text: `WITH request AS (
                 SELECT $1::uuid AS tenant_id, $3::text AS key, $4::bytea AS key_hash,
                   $5::bytea AS fingerprint, $6::uuid AS subject_id
               ), ${claims}
               SELECT subject_id FROM claimed`,
        values: [tenantId, route, key, keyHash, fingerprint, proposedId, leaseMs],
      })
      const won = rows[0]
      if (!won) return explainClaim(tx, subjects, request)
      return { kind: 'claimed', id: won.subject_id, resumed: won.subject_id !== proposedId }
    },
    finish: finishKey,
    release: releaseKey,
  }
}

/**
 * A request together with its key, and with the two hashes under which the database stores them.
 * @param content what makes two requests the same: validated, with defaults filled in
 * @param proposedId the id of the subject, if this is the first request with its key
 */
export function keyedRequest(
  { tenantId, route, key }: Pick<KeyedRequest, 'tenantId' | 'route' | 'key'>,
  content: readonly unknown[],
  proposedId: string,
): KeyedRequest {
  const fingerprint = fingerprintOf(route, ...content)
  return { tenantId, route, key, keyHash: keyHashOf(route, key), fingerprint, proposedId }
}
