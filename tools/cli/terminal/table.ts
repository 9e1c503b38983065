/** Rows as aligned columns under a heading. The columns are the keys of the first row. */
export function renderTable(rows: readonly Readonly<Record<string, string | number>>[]): string {
  const [first] = rows
  if (!first) return ''
  const columns = Object.keys(first)
  const cells = [columns, ...rows.map(row => columns.map(column => String(row[column] ?? '')))]
  const widths = columns.map((_, i) => Math.max(...cells.map(row => row[i]?.length ?? 0)))
  const isNumeric = columns.map(column => rows.every(row => typeof row[column] === 'number'))
  return cells
    .map(row =>
      row
        .map((cell, i) =>
          isNumeric[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0),
        )
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
