import type { FaultLogLine } from '../control/fault-log.ts'
import { inWords } from './inject-fault.ts'

/** A fault that is under way, in words. */
export type FaultWords = Readonly<{
  /** What `npm run heal` calls it. */
  thing: string
  what: string
  seconds: number
}>

const states: Readonly<Record<string, string>> = {
  kill: 'killed, and not yet back',
  restart: 'restarting',
  freeze: 'frozen',
  stop: 'stopped',
}

/** What is broken there, and for how long now. */
export function describeFault(fault: FaultLogLine, nowMs: number): FaultWords {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(fault.at)) / 1000))
  return { ...wordsOf(fault), seconds }
}

function wordsOf(fault: FaultLogLine): Omit<FaultWords, 'seconds'> {
  switch (fault.kind) {
    case 'proxy':
      return { thing: fault.proxy, what: 'down' }
    case 'toxic': {
      const { name, toxicity, attributes } = fault.toxic
      const share = toxicity === 1 ? {} : { toxicity }
      return { thing: fault.proxy, what: `${name} ${inWords({ ...attributes, ...share })}` }
    }
    case 'setting': {
      const [thing = '', setting = ''] = fault.name.split('/')
      return { thing, what: 'value' in fault ? inWords({ [setting]: fault['value'] }) : setting }
    }
    case 'process':
      return { thing: fault.name, what: states[String(fault['verb'])] ?? 'broken' }
    case 'part':
      return { thing: fault.name.split('/')[0] ?? '', what: fault.name }
  }
}
