/** One column of a set of rows: its type in PostgreSQL, and where its value comes from. */
type Column<Row> = readonly [type: string, valueOf: (row: Row) => unknown]

/** Rows that a statement takes as parameters: one array for each column. */
export type RowSet<Row> = Readonly<{
  columns: readonly string[]
  /** For a FROM clause: `unnest($1::uuid[], ...) AS alias (column, ...)`. */
  from: (alias: string, firstParameter?: number) => string
  /** The arrays, in the order of the columns. */
  values: (rows: readonly Row[]) => unknown[][]
}>

/**
 * Describes rows once, beside the SQL that reads them, so that the column names, the casts and the
 * values can't get out of step. Many rows in arrays cost one plan and one message, however many they are.
 */
export function rowSet<Row>(columns: Readonly<Record<string, Column<Row>>>): RowSet<Row> {
  const names = Object.keys(columns)
  const all = Object.values(columns)
  return {
    columns: names,
    from: (alias, firstParameter = 1) => {
      const arrays = all.map(([type], at) => `$${firstParameter + at}::${type}[]`)
      return `unnest(${arrays.join(', ')}) AS ${alias} (${names.join(', ')})`
    },
    values: rows => all.map(([, read]) => rows.map(read)),
  }
}
