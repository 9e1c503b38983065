import type { Queryable } from '@nightshift/runtime/postgres/postgres'
import { eventually } from './test-client.ts'

/** How many statements in this database wait for a lock. */
export async function countBlocked(db: Queryable): Promise<number> {
  const { rowCount } = await db.query(
    `SELECT FROM pg_stat_activity
     WHERE datname = current_database() AND wait_event_type = 'Lock'`,
  )
  return rowCount ?? 0
}

/** Waits until a statement in this database is blocked by a lock. */
export async function waitUntilBlocked(db: Queryable): Promise<void> {
  await eventually('a statement waits for a lock', async () =>
    (await countBlocked(db)) === 1 ? true : undefined,
  )
}
