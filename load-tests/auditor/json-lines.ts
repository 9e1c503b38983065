export type JsonLines = { values: { value: unknown; line: number }[]; problems: string[] }

/**
 * Parses JSON lines. A torn last line is left out: its writer died while writing it. Any other line
 * that is not JSON is a problem, because its content is unknown.
 */
export function parseJsonLines(text: string, name: string): JsonLines {
  const lines = text.split('\n')
  const last = lines.pop() ?? ''
  const values: JsonLines['values'] = []
  const problems: string[] = []
  for (const [index, content] of lines.entries()) {
    if (content === '') continue
    const value = parse(content)
    if (value === undefined) problems.push(`${name}:${index + 1} is not JSON`)
    else values.push({ value, line: index + 1 })
  }
  const complete = last === '' ? undefined : parse(last)
  if (complete !== undefined) values.push({ value: complete, line: lines.length + 1 })
  return { values, problems }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no undefined, so it can stand for a line that is not JSON
  }
}
