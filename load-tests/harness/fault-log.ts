import { appendFileSync } from 'node:fs'

/** Records the begin or the end of a fault, in the format that the fault proxy writes, too. */
export type RecordFault = (
  kind: string,
  action: 'begin' | 'end',
  name: string,
  details?: object,
) => void

export function openFaultLog(file: string): RecordFault {
  let seq = 0
  return (kind, action, name, details = {}) => {
    seq += 1
    const line = { at: new Date().toISOString(), seq, kind, action, name, ...details }
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
}
