import type { FaultLogLine } from '../auditor/evidence.ts'

/** From the begin of a fault to its end, or null if it never ended. Milliseconds since 1970. */
export type FaultWindow = Readonly<{ what: string; fromMs: number; untilMs: number | null }>

/**
 * Joins the begin and the end of each fault, in the order of time. A fault that begins again before its
 * end is the same one.
 */
export function faultWindows(lines: readonly FaultLogLine[]): FaultWindow[] {
  const windows: FaultWindow[] = []
  const open = new Map<string, number>()
  for (const { kind, name, action, signal, t } of lines.toSorted((a, b) => a.t - b.t)) {
    const what = [signal ?? kind, name].join(' ')
    const id = `${kind} ${name}`
    if (action === 'begin' && !open.has(id)) {
      open.set(id, windows.length)
      windows.push({ what, fromMs: t, untilMs: null })
    }
    const at = action === 'end' ? open.get(id) : undefined
    const begun = at === undefined ? undefined : windows[at]
    if (at === undefined || begun === undefined) continue
    windows[at] = { ...begun, untilMs: t }
    open.delete(id)
  }
  return windows
}
