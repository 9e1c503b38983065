import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Claim, KeyedRequest } from './types.ts'

type FoundRow = {
  fingerprint: Buffer
  response_status: number | null
  response_headers: Record<string, string> | null
  response_body: string | null
  lease_left_ms: string
}

/**
 * Who could not claim a key finds it in somebody's hands: says what became of it, and what the caller
 * can do about that. Undefined when nobody has such a key, or not any more.
 */
export async function explainKey(
  db: Queryable,
  { tenantId, route, key, fingerprint }: Omit<KeyedRequest, 'proposedId'>,
): Promise<Exclude<Claim, { kind: 'claimed' }> | undefined> {
  const { rows } = await db.query<FoundRow>({
    name: 'find_idempotency_key',
    text: `SELECT fingerprint, response_status, response_headers, response_body,
             extract(epoch FROM leased_until - clock_timestamp()) * 1000 AS lease_left_ms
           FROM idempotency_keys WHERE tenant_id = $1 AND route = $2 AND key = $3`,
    values: [tenantId, route, key],
  })
  const [row] = rows
  if (!row) return undefined
  if (!row.fingerprint.equals(fingerprint)) return { kind: 'different_request' }
  const { response_status: status, response_headers: headers, response_body: body } = row
  if (status === null) {
    return { kind: 'in_progress', retryAfterMs: Math.max(0, Number(row.lease_left_ms)) }
  }
  return { kind: 'finished', answer: { status, headers: headers ?? {}, body: body ?? '' } }
}
