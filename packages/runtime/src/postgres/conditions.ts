/** A condition of a WHERE clause, with a `?` for each value. */
export type Condition = Readonly<{ sql: string; values: readonly unknown[] }>

/** The condition, if the caller asks for its value; none if the value is undefined. */
export function when(value: unknown, sql: string): Condition[] {
  return value === undefined ? [] : [{ sql, values: [value] }]
}

/**
 * All conditions as one, with numbered parameters. A statement with `$1 IS NULL OR ...` for each
 * optional filter must be planned for any of them, and reads a whole table for a rare value; one with
 * only the conditions that are asked for can use their indexes.
 */
export function allOf(conditions: readonly Condition[]): { sql: string; values: unknown[] } {
  let count = 0
  const joined = conditions.map(({ sql }) => sql).join(' AND ')
  return {
    sql: joined.replaceAll('?', () => `$${++count}`),
    values: conditions.flatMap(({ values }) => values),
  }
}
