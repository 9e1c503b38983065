import { posix } from 'node:path'
import type { Page, ReadResult } from './read-pages.ts'

/** `[9 of 43](load-tests/results/outbox.json#arms.naive.median.eventsLost)`: a link to a number. */
const figureLink = /\[(?<shown>[^\]]+)\]\((?<target>[^)\s#]+\.json)#(?<steps>[\w.-]+)\)/g
const firstNumber = /-?\d[\d,]*(?:\.\d+)?/
const resultsDir = 'load-tests/results/'

/** Figures of a page that differ from the number in the result that they link to. */
export function wrongFigures({ path, text }: Page, readResult: ReadResult): string[] {
  return [...maskCode(text).matchAll(figureLink)].flatMap(match => {
    const why = mistakeOf(path, match.groups ?? {}, readResult)
    if (why === undefined) return []
    const line = text.slice(0, match.index).split('\n').length
    return [`${path}:${line} ${match[0]}: ${why}`]
  })
}

/** The page with each figure as its result has it now, rounded as the page rounds it. */
export function renewFigures({ path, text }: Page, readResult: ReadResult): string {
  const prose = maskCode(text)
  return text.replace(figureLink, (link, ...rest) => {
    const groups: Groups = rest.at(-1)
    const at: number = rest.at(-3)
    const value = lookUp(path, groups, readResult)
    if (typeof value !== 'number' || prose.slice(at, at + link.length) !== link) return link
    const { shown = '' } = groups
    const renewed = shown.replace(firstNumber, number => writeLike(number, value))
    return link.replace(`[${shown}]`, () => `[${renewed}]`)
  })
}

type Groups = Readonly<Partial<Record<string, string>>>

function mistakeOf(path: string, groups: Groups, readResult: ReadResult): string | undefined {
  const value = lookUp(path, groups, readResult)
  if (typeof value !== 'number') return 'the result has no such number'
  const [number] = firstNumber.exec(groups['shown'] ?? '') ?? []
  if (number === undefined) return `it shows no number, and the result has ${value}`
  return writeLike(number, value) === number ? undefined : `the result has ${value}`
}

function lookUp(path: string, { target = '', steps = '' }: Groups, readResult: ReadResult) {
  const file = posix.join(posix.dirname(path), target)
  let value: unknown = file.startsWith(resultsDir) ? readResult(file) : undefined
  for (const step of steps.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Object.entries(value).find(([name]) => name === step)?.[1]
  }
  return value
}

/** Writes the value with the decimals and the commas of the number on the page. */
function writeLike(number: string, value: number): string {
  const decimals = number.split('.')[1]?.length ?? 0
  const plain = value.toFixed(decimals)
  return number.includes(',') ? plain.replace(/\B(?=(\d{3})+(?!\d))/g, ',') : plain
}

const fence = /^ *(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\1`*~* *$/gm
const comment = /<!--[\s\S]*?-->/g
const codeSpan = /`[^`\n]*`/g

/** The page with code and comments blanked out. Every other character stays where it is. */
export function maskCode(text: string): string {
  return [fence, comment, codeSpan].reduce(
    (prose, pattern) => prose.replace(pattern, code => code.replace(/[^\n]/g, ' ')),
    text,
  )
}
