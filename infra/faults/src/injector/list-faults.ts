import { serviceNames } from '@nightshift/local/system/secrets'
import type { FaultLogLine } from '../control/fault-log.ts'
import { attributeNames, toxicTypes } from '../proxy/toxic.ts'
import { inWords } from './inject-fault.ts'
import { type FaultTargets, flagOf, processFaultKinds } from './parse-fault.ts'

const columnsMin = 24
const columnsMax = 80
/** Below it there is no room to indent twice. */
const columnsForTwo = 40

export type ListOptions = Readonly<{
  /** The width of the terminal; taken as 24 to 80. */
  columns: number
  /** Makes a heading of a text. */
  heading: (text: string) => string
}>

/** Lists the possible faults and the open ones, for a terminal of any width. */
export function listFaults(
  { processes, links, settings }: FaultTargets,
  open: readonly OpenFault[],
  { columns, heading }: ListOptions,
): string {
  const width = Math.min(columnsMax, Math.max(columnsMin, columns))
  const wrap = (words: readonly string[], indent = 2) => wrapWords(words, width, indent)
  const deeper = width < columnsForTwo ? 2 : 4
  const openLines = open.flatMap(({ thing, what, seconds }) => [
    ...wrap([thing, ...`${what}, for ${seconds} s`.split(' ')]),
    ...wrap(['npm', 'run', 'heal', '--', thing], deeper),
  ])
  const toxics = toxicTypes.flatMap(type =>
    wrap([type, ...attributeNames(type).map(name => `--${flagOf(name)} N`)]),
  )
  const simulators = Object.entries(settings).flatMap(([simulator, settings]) => [
    ...wrap([simulator]),
    ...wrap(inWords(settings).split(' '), deeper),
  ])
  return [
    heading('Open faults'),
    ...(openLines.length > 0 ? openLines : ['  none']),
    '',
    heading('Processes'),
    ...wrap(processes),
    ...wrap(['with', ...listed(processFaultKinds)]),
    ...wrap(['redis', 'flush']),
    ...wrap(['postgres', 'kill-backend', '--of', ...listed(serviceNames)]),
    '',
    heading('Links'),
    ...wrap(links),
    ...wrap(['with', 'down', 'or', 'a', 'toxic:']),
    ...toxics,
    ...wrap(['each', 'with', '--stream upstream', 'or', 'downstream', '--toxicity 0..1']),
    '',
    heading('Settings'),
    ...simulators,
    '',
    heading('For example'),
    ...wrap('npm run break -- payments-kafka down --for 10s'.split(' ')),
    ...wrap('npm run break -- card-provider silence=after'.split(' ')),
  ].join('\n')
}

function listed(words: readonly string[]): string[] {
  return words.flatMap((word, i) => (i === words.length - 1 ? ['or', word] : [`${word},`]))
}

/** Lines of words, as many to a line as fit; a word that is too long gets a line of its own. */
export function wrapWords(words: readonly string[], width: number, indent = 0): string[] {
  const lines: string[] = []
  const margin = ' '.repeat(indent)
  for (const word of words) {
    const line = lines.at(-1)
    if (line !== undefined && line.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${line} ${word}`
    } else {
      lines.push(margin + word)
    }
  }
  return lines
}

/** A fault that has begun and not ended, in words. */
export type OpenFault = Readonly<{
  /** The name that `npm run heal` takes. */
  thing: string
  what: string
  seconds: number
}>

const processStates: Readonly<Record<string, string>> = {
  kill: 'killed, and not ready yet',
  restart: 'restarting',
  freeze: 'frozen',
  stop: 'stopped',
}

export function describeFault(fault: FaultLogLine, nowMs: number): OpenFault {
  const seconds = Math.max(0, Math.round((nowMs - Date.parse(fault.at)) / 1000))
  return { ...thingAndState(fault), seconds }
}

function thingAndState(fault: FaultLogLine): Omit<OpenFault, 'seconds'> {
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
      return { thing: fault.name, what: processStates[String(fault['fault'])] ?? 'faulty' }
    case 'part':
      return { thing: fault.name.split('/')[0] ?? '', what: fault.name }
    case 'load':
      return { thing: fault.name, what: 'more than the rated load' }
  }
}
