import type { FaultLogLine } from './evidence.ts'

/** What was broken on purpose: how often each, what was never healed, and when the last one ended. */
export type Faults = { begun: FaultLogLine[]; open: string[]; lastEnd: number | undefined }

/** Reads begins and ends in the order of time; a fault that begins twice is one until it ends. */
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
