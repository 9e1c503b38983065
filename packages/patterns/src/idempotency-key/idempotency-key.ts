/**
 * Fault:    the answer is lost and the client sends the same request again.
 * Without:  load-tests/results/idempotency-key.json (charged too often); the code is `naive.ts`.
 * With:     one charge per key: the second attempt continues or replays the first.
 * Switch:   PATTERN_IDEMPOTENCY_KEY=naive
 */
import { explainKey } from './explain-key.ts'
import type { IdempotencyKeys } from './types.ts'

/**
 * One statement arbitrates: two attempts at the same moment can't both see "not there".
 * The second part takes over a key whose owner has been silent for a whole lease; it keeps the id,
 * so that whatever the dead owner did is found and continued, not done again.
 */
const claimSql = `
  INSERT INTO idempotency_keys (tenant_id, route, key, fingerprint, subject_id, leased_until)
  VALUES ($1, $2, $3, $4, $5, now() + $6 * interval '1 millisecond')
  ON CONFLICT (tenant_id, route, key) DO UPDATE
    SET leased_until = excluded.leased_until
    WHERE idempotency_keys.response_status IS NULL
      AND idempotency_keys.leased_until < now()
      AND idempotency_keys.fingerprint = excluded.fingerprint
  RETURNING subject_id`

/**
 * Keys in the table `idempotency_keys` of the service's own database, beside the data they protect:
 * only there can the answer be stored in the transaction that makes it true.
 * Modelled on Stripe's documented behaviour; what is final and stored is the caller's decision.
 * @param leaseMs how long an owner may be silent. Longer than a request may take, or a slow owner
 *   is overtaken while it works.
 */
export function idempotencyKeys(leaseMs: number): IdempotencyKeys {
  return {
    claim: async (tx, request) => {
      const { tenantId, route, key, fingerprint, proposedId } = request
      const { rows } = await tx.query<{ subject_id: string }>({
        name: 'claim_idempotency_key',
        text: claimSql,
        values: [tenantId, route, key, fingerprint, proposedId, leaseMs],
      })
      const won = rows[0]
      if (!won) {
        // Deleted between the two statements. Rare, and the next attempt will find it clear.
        return (await explainKey(tx, request)) ?? { kind: 'in_progress', retryAfterMs: 0 }
      }
      return { kind: 'claimed', id: won.subject_id, resumed: won.subject_id !== proposedId }
    },

    finish: async (tx, id, answer) => {
      await tx.query({
        name: 'finish_idempotency_key',
        text: `UPDATE idempotency_keys
               SET response_status = $2, response_headers = $3, response_body = $4
               WHERE subject_id = $1 AND response_status IS NULL`,
        values: [id, answer.status, JSON.stringify(answer.headers), answer.body],
      })
    },

    release: async (db, id) => {
      await db.query({
        name: 'release_idempotency_key',
        text: `UPDATE idempotency_keys SET leased_until = now() - interval '1 millisecond'
               WHERE subject_id = $1 AND response_status IS NULL`,
        values: [id],
      })
    },
  }
}
