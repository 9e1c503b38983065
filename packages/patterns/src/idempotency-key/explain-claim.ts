import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { SubjectTable } from './claim-keys.ts'
import type { KeyedRequest, NotClaimed } from './types.ts'

type KeyRow = {
  fingerprint: Buffer
  response_status: number | null
  response_headers: Record<string, string> | null
  response_body: string | null
  lease_left_ms: string
}

/**
 * Why a key could not be claimed: already answered, used for another request, or still in progress.
 * If the key has no answer, or its row has expired, the result names the subject if there is one.
 */
export async function explainClaim(
  db: Queryable,
  subjects: SubjectTable,
  request: KeyedRequest,
): Promise<NotClaimed> {
  const byKey = await explainByKey(db, request)
  if (byKey && byKey.kind !== 'in_progress') return byKey
  // Without a row the key was deleted between the two statements. The next attempt will claim it.
  const inProgress = byKey ?? { kind: 'in_progress', retryAfterMs: 0 }
  const subject = await findSubject(db, subjects, request)
  if (!subject) return inProgress
  if (!subject.fingerprint.equals(request.fingerprint)) return { kind: 'different_request' }
  return { ...inProgress, id: subject.id }
}

async function explainByKey(
  db: Queryable,
  { tenantId, route, key, fingerprint }: KeyedRequest,
): Promise<NotClaimed | undefined> {
  const { rows } = await db.query<KeyRow>({
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

async function findSubject(
  db: Queryable,
  { table, id }: SubjectTable,
  { tenantId, keyHash }: KeyedRequest,
): Promise<{ id: string; fingerprint: Buffer } | undefined> {
  const { rows } = await db.query<{ id: string; fingerprint: Buffer }>({
    name: `find_${table}_by_key`,
    text: `SELECT ${id} AS id, fingerprint FROM ${table} WHERE tenant_id = $1 AND key_hash = $2`,
    values: [tenantId, keyHash],
  })
  return rows[0]
}

/** True if this key was used before, so that its request is no new work. */
export async function isKeyUsed(
  db: Queryable,
  { table }: SubjectTable,
  { tenantId, route, key, keyHash }: KeyedRequest,
): Promise<boolean> {
  const { rows } = await db.query<{ used: boolean }>({
    name: `is_key_of_${table}_used`,
    text: `SELECT EXISTS (SELECT FROM idempotency_keys
               WHERE tenant_id = $1 AND route = $2 AND key = $3)
             OR EXISTS (SELECT FROM ${table} WHERE tenant_id = $1 AND key_hash = $4) AS used`,
    values: [tenantId, route, key, keyHash],
  })
  return rows[0]?.used ?? false
}
