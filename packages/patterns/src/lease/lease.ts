/**
 * Fault:    the owner of a payment is paused, overtaken by another, and goes on.
 * Without:  load-tests/results/zombie-owner.json (settled twice); the code is `naive.ts`.
 * With:     each takeover raises the number of the row, and an older number writes nothing.
 * Switch:   PATTERN_LEASE=naive
 */
import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import type { Fence } from './types.ts'

/**
 * The check is part of the statement that writes. A check before the write would prove nothing: the
 * process may be paused between the two for any length of time.
 */
export const fencingNumber: Fence = {
  holds: (row, owner) => `${row}.attempt = ${owner}.attempt`,
  next: row => `${row}.attempt + 1`,
}

/** A table of work. It has the columns of `schema.sql`. */
export type WorkTable = Readonly<{ table: string; id: string }>

/** Which of the rows that are due is taken: the one that has been due longest, or became due last. */
export type DueOrder = 'longest' | 'latest'

export type Owner = Readonly<{ id: string; attempt: number }>

/** How long work that is still open waits until it is due again. */
export type Backoff = Readonly<{
  baseMs: number
  capMs: number
  /** The shortest wait, from the other side's `Retry-After`. Jitter only makes it longer. */
  floorMs: number
}>

/**
 * When work becomes due again. The wait doubles with each check, up to a cap. Half of it is random,
 * so that work which failed together is not repeated together.
 * @param parameters of the statement, in milliseconds; `checks` is how often the work was left open
 */
export function backoffSql(parameters: {
  baseMs: string
  capMs: string
  floorMs: string
  checks: string
}): string {
  const { baseMs, capMs, floorMs, checks } = parameters
  return `now() + interval '1 millisecond' * greatest(
    ${floorMs}::float8 * (1 + random() / 4),
    (0.5 + random() / 2) * least(${capMs}::float8, ${baseMs}::float8 * 2 ^ least(${checks}, 20)))`
}

/**
 * Work that becomes due at a time, and has one owner at a time. A row with `next_check_at` is open.
 * Taking a row moves that time one lease ahead, so that other workers skip it. If the owner dies,
 * the row becomes due again by itself.
 */
export function leasedWork(fence: Fence, { table, id }: WorkTable) {
  const next = backoffSql({ baseMs: '$3', capMs: '$4', floorMs: '$5', checks: 't.checks' })
  return {
    fence,

    /**
     * The common table expression `taken`: takes a row that is due, for one lease.
     * @param leaseMs a parameter of the statement
     */
    takeDue: (leaseMs: string, first: DueOrder = 'longest') => `taken AS (
        UPDATE ${table} AS t
        SET next_check_at = now() + ${leaseMs} * interval '1 millisecond', attempt = ${fence.next('t')}
        WHERE t.${id} = (
          SELECT ${id} FROM ${table} WHERE next_check_at <= now()
          ORDER BY next_check_at ${first === 'latest' ? 'DESC' : ''} LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING t.*)`,

    /**
     * The common table expression `resumed`: open rows whose ids are in `claimed.subject_id`, each
     * with a new number for its new owner. A locked row has a live owner and is skipped: waiting
     * for it could deadlock with an owner that waits for the key.
     */
    takeOver: (claimed: string) => `abandoned AS (
        SELECT t.${id} FROM ${claimed} AS c JOIN ${table} AS t ON t.${id} = c.subject_id
        WHERE t.next_check_at IS NOT NULL FOR NO KEY UPDATE OF t SKIP LOCKED
      ), resumed AS (
        UPDATE ${table} AS t SET attempt = ${fence.next('t')}
        FROM abandoned AS a WHERE t.${id} = a.${id} RETURNING t.*)`,

    /**
     * Reschedules the next check of open work.
     * @returns false, with nothing changed, if the work is done or another owner has taken over
     */
    reschedule: async (db: Queryable, owner: Owner, backoff: Backoff): Promise<boolean> => {
      const { rowCount } = await db.query({
        name: `reschedule_${table}`,
        text: `UPDATE ${table} AS t
               SET checks = t.checks + 1, next_check_at = ${next}
               FROM (VALUES ($1::uuid, $2::integer)) AS owner (id, attempt)
               WHERE t.${id} = owner.id AND ${fence.holds('t', 'owner')}
                 AND t.next_check_at IS NOT NULL`,
        values: [owner.id, owner.attempt, backoff.baseMs, backoff.capMs, backoff.floorMs],
      })
      return rowCount === 1
    },
  }
}

export type LeasedWork = ReturnType<typeof leasedWork>
