export type JsonLines = { values: { value: unknown; line: number }[]; problems: string[] }

/**
 * Reads JSON lines. A last line without its line break was being written when the writer died, and
 * is left out; any other line that is not JSON is named, because nobody knows what it said.
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
  const whole = last === '' ? undefined : parse(last)
  if (whole !== undefined) values.push({ value: whole, line: lines.length + 1 })
  return { values, problems }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // JSON has no undefined, so this says that it is none
  }
}
