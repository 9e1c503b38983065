import { serviceNames } from '@nightshift/local/system/secrets'
import { attributeNames, toxicTypes } from '../proxy/toxic.ts'
import type { FaultWords } from './describe-fault.ts'
import { inWords } from './inject-fault.ts'
import { type Breakable, flagOf, processVerbs } from './parse-fault.ts'

const columnsMin = 24
const columnsMax = 80
/** Below it there is no room to indent twice. */
const columnsForTwo = 40

export type ListOptions = Readonly<{
  /** Of the terminal; taken as 24 to 80. */
  columns: number
  /** Makes a heading of a text. */
  heading: (text: string) => string
}>

/** What can be broken and what is, for a person with a terminal of any width. */
export function listBreakable(
  { processes, links, settings }: Breakable,
  open: readonly FaultWords[],
  { columns, heading }: ListOptions,
): string {
  const width = Math.min(columnsMax, Math.max(columnsMin, columns))
  const wrap = (words: readonly string[], indent = 2) => wrapWords(words, width, indent)
  const deeper = width < columnsForTwo ? 2 : 4
  const broken = open.flatMap(({ thing, what, seconds }) => [
    ...wrap([thing, ...`${what}, for ${seconds} s`.split(' ')]),
    ...wrap(['npm', 'run', 'heal', '--', thing], deeper),
  ])
  const toxics = toxicTypes.flatMap(type =>
    wrap([type, ...attributeNames(type).map(name => `--${flagOf(name)} N`)]),
  )
  const boards = Object.entries(settings).flatMap(([board, settings]) => [
    ...wrap([board]),
    ...wrap(inWords(settings).split(' '), deeper),
  ])
  return [
    heading('Broken now'),
    ...(broken.length > 0 ? broken : ['  nothing']),
    '',
    heading('Processes'),
    ...wrap(processes),
    ...wrap(['with', ...listed(processVerbs)]),
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
    ...boards,
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
