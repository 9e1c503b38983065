import { appendFileSync } from 'node:fs'

/** Writes down what is done to the system, as whoever breaks it would: begin and end of each fault. */
export type NoteFault = (kind: string, action: 'begin' | 'end', name: string, more?: object) => void

export function openFaultLog(file: string): NoteFault {
  let seq = 0
  return (kind, action, name, more = {}) => {
    seq += 1
    const line = { at: new Date().toISOString(), seq, kind, action, name, ...more }
    appendFileSync(file, `${JSON.stringify(line)}\n`)
  }
}
