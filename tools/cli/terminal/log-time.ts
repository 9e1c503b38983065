/**
 * Reads when a log line was written, in ms since 1970. The line is JSON with `time` or `at` (services,
 * simulators, supervisor), or begins with a date (PostgreSQL and Kafka, which write UTC). Undefined for
 * a continuation, such as a line of a stack trace.
 */
export function timeOfLogLine(line: string): number | undefined {
  const epoch = /^\{.*?"time":(\d{13})\b/.exec(line)?.[1]
  if (epoch !== undefined) return Number(epoch)
  const iso = /^\{.*?"(?:time|at)":"([^"]+)"/.exec(line)?.[1]
  const leading = /^\[?(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:[.,](\d{3}))?/.exec(line)
  const text = iso ?? (leading && `${leading[1]}T${leading[2]}.${leading[3] ?? '000'}Z`)
  const time = text ? Date.parse(text) : Number.NaN
  return Number.isNaN(time) ? undefined : time
}

export type LogLine = Readonly<{ name: string; text: string }>

/** Merges logs by time. A line without one stays behind the line that it follows in its own log. */
export function interleave(logs: ReadonlyMap<string, readonly string[]>): LogLine[] {
  const lines: (LogLine & { time: number })[] = []
  for (const [name, texts] of logs) {
    let time = 0
    for (const text of texts) {
      time = timeOfLogLine(text) ?? time
      lines.push({ name, text, time })
    }
  }
  return lines.toSorted((a, b) => a.time - b.time)
}
