import type { FaultLogLine } from './evidence.ts'

/** The injected faults: each begin, the faults that never ended, and the end of the last one. */
export type Faults = { begun: FaultLogLine[]; open: string[]; lastEnd: number | undefined }

/** Reads begins and ends in the order of time. A fault that begins again before its end counts once. */
export function faultsOf(lines: readonly FaultLogLine[]): Faults {
  const begun: FaultLogLine[] = []
  const open = new Set<string>()
  let lastEnd: number | undefined
  for (const line of lines.toSorted((a, b) => a.t - b.t)) {
    const name = `${line.kind} ${line.name}`
    if (line.action === 'begin') {
      if (!open.has(name)) begun.push(line)
      open.add(name)
    } else if (line.action === 'end') {
      open.delete(name)
      lastEnd = line.t
    }
  }
  return { begun, open: [...open], lastEnd }
}
