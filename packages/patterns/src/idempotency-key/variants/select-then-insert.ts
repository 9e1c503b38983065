import type { IdempotencyKeys, StoredAnswer } from '../types.ts'

type KeyRow = {
  fingerprint: Buffer
  response_status: number | null
  response_headers: Record<string, string> | null
  response_body: string | null
}

/** There is no lease, so it is unknown how long the other attempt will take. */
const retryAfterMs = 250

/**
 * SELECTs the key; if there is none, inserts it and continues. Two attempts at the same moment both
 * SELECT before either has inserted. Both continue, each with an id of its own. The `ON CONFLICT`
 * is what teams add when the second INSERT appears in the log as an error.
 */
export function selectThenInsert(): IdempotencyKeys {
  return {
    claim: async (tx, { tenantId, route, key, fingerprint, proposedId }) => {
      const { rows } = await tx.query<KeyRow>(
        `SELECT fingerprint, response_status, response_headers, response_body
         FROM idempotency_keys WHERE tenant_id = $1 AND route = $2 AND key = $3`,
        [tenantId, route, key],
      )
      const [row] = rows
      if (row) {
        if (!row.fingerprint.equals(fingerprint)) return { kind: 'different_request' }
        const answer = answerOf(row)
        return answer ? { kind: 'finished', answer } : { kind: 'in_progress', retryAfterMs }
      }
      await tx.query(
        `INSERT INTO idempotency_keys (tenant_id, route, key, fingerprint, subject_id, leased_until)
         VALUES ($1, $2, $3, $4, $5, now()) ON CONFLICT DO NOTHING`,
        [tenantId, route, key, fingerprint, proposedId],
      )
      return { kind: 'claimed', id: proposedId, resumed: false }
    },

    finish: async (tx, id, answer) => {
      await tx.query(
        `UPDATE idempotency_keys
         SET response_status = $2, response_headers = $3, response_body = $4
         WHERE subject_id = $1 AND response_status IS NULL`,
        [id, answer.status, JSON.stringify(answer.headers), answer.body],
      )
    },

    release: async () => {},
  }
}

function answerOf(row: KeyRow): StoredAnswer | undefined {
  const { response_status: status, response_headers: headers, response_body: body } = row
  return status === null ? undefined : { status, headers: headers ?? {}, body: body ?? '' }
}
