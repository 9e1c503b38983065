import type { Queryable } from './postgres.ts'

export type OldRows = Readonly<{
  /** What the statement is called in the database's statistics. */
  name: string
  table: string
  /**
   * A SELECT of the `ctid`s of the oldest rows in the order of an index, with a LIMIT that is written
   * out: with a parameter the planner expects a tenth of the table, and reads and sorts all of it.
   */
  oldest: string
  values?: readonly unknown[]
}>

/**
 * Deletes a bounded number of rows by their place in the table, so that a round costs the same however
 * many rows are due. A row that was changed since it was chosen stays.
 * @returns how many were deleted
 */
export async function deleteRows(
  db: Queryable,
  { name, table, oldest, values = [] }: OldRows,
): Promise<number> {
  const { rowCount } = await db.query({
    name,
    text: `DELETE FROM ${table} WHERE ctid = ANY(ARRAY(${oldest}))`,
    values: [...values],
  })
  return rowCount ?? 0
}
