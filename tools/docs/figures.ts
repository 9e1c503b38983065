import { posix } from 'node:path'

/** A page by its path from the root. */
export type Page = Readonly<{ path: string; text: string }>

/** The content of a file of results by its path from the root; undefined when there is none. */
export type ReadResult = (path: string) => unknown

/** A number beside a measuring word that is no measurement: a part of its text, and why it may stay. */
export type Allowed = Readonly<{ page: string; text: string; why: string }>

/** `[9 of 43](load-tests/results/outbox.json#arms.naive.median.eventsLost)`: the way to a number. */
const figureLink = /\[(?<shown>[^\]]+)\]\((?<target>[^)\s#]+\.json)#(?<steps>[\w.-]+)\)/g
const anyLink = /!?\[[^\]]*\]\([^)]*\)/g
const firstNumber = /-?\d[\d,]*(?:\.\d+)?/
const resultsDir = 'load-tests/results/'

/** Figures that no result bears out, and figures that do not say where they come from. */
export function figureMistakes(
  page: Page,
  readResult: ReadResult,
  allowed: readonly Allowed[] = [],
): string[] {
  const prose = maskCode(page.text)
  const unborne = [...prose.matchAll(figureLink)].flatMap(match => {
    const why = check(page.path, match.groups, readResult)
    return why === undefined ? [] : [`${placeOf(page, match.index)} ${match[0]}: ${why}`]
  })
  const loose = passagesOf(prose.replace(anyLink, blank))
    .filter(({ text, context }) => isMeasured(`${context} ${text}`) && looseNumber.test(text))
    .map(({ at, length }) => ({ at, said: page.text.slice(at, at + length) }))
    .filter(({ said }) => !allowed.some(one => one.page === page.path && said.includes(one.text)))
    .map(({ at, said }) => `${placeOf(page, at)} measured, and no result is named: ${said}`)
  return [...unborne, ...loose]
}

/** Entries of the allow list whose text is on no such page any more. */
export function staleEntries(pages: readonly Page[], allowed: readonly Allowed[]): string[] {
  return allowed
    .filter(({ page, text }) => !pages.some(one => one.path === page && one.text.includes(text)))
    .map(({ page, text }) => `${page} no longer says: ${text}`)
}

/** The page with each figure as its result has it now, rounded as it was written. */
export function renewFigures({ path, text }: Page, readResult: ReadResult): string {
  const isProse = maskCode(text)
  return text.replace(figureLink, (link, ...rest) => {
    const groups: Groups = rest.at(-1)
    const at: number = rest.at(-3)
    const value = lookUp(path, groups, readResult)
    if (typeof value !== 'number' || isProse.slice(at, at + link.length) !== link) return link
    const { shown = '' } = groups
    const renewed = shown.replace(firstNumber, number => writeLike(number, value))
    return link.replace(`[${shown}]`, () => `[${renewed}]`)
  })
}

type Groups = Readonly<Partial<Record<string, string>>>

function check(path: string, groups: Groups | undefined, readResult: ReadResult) {
  const value = lookUp(path, groups ?? {}, readResult)
  if (typeof value !== 'number') return 'the result has no such number'
  const [number] = firstNumber.exec(groups?.['shown'] ?? '') ?? []
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

/** With as many decimals, and with commas if there are commas. */
function writeLike(number: string, value: number): string {
  const decimals = number.split('.')[1]?.length ?? 0
  const plain = value.toFixed(decimals)
  return number.includes(',') ? plain.replace(/\B(?=(\d{3})+(?!\d))/g, ',') : plain
}

/** A number by itself: not the 9 of p99, of L9, of 9.1.2 or of 0009-a-page. */
const looseNumber = /(?<![\p{L}\d_.#-])\d[\d,]*(?:\.\d+)?(?![\d_]|\.\d|-\d)/u
const measuring = [
  /\b(?:measured|median|percentiles?|p50|p9\d+|on average|throughput|CPU)\b/i,
  /\d ?(?:[KMG]i?B)?\/s\b|\d per second\b/,
  /\b(?:took|takes|costs?) (?:\w+ ){0,4}\d/i,
  /\bneeds? (?:about|some|only|around|at least|up to) \d/i,
  /\b(?:memory|resident)\b.*\d ?[MG]i?B\b|\d ?[MG]i?B\b.*\b(?:memory|resident)\b/i,
]

function isMeasured(text: string): boolean {
  return measuring.some(words => words.test(text))
}

/**
 * What belongs together: the lines of a paragraph or of an item of a list; and a row of a table with
 * the table's heading, of which only the row is the text.
 */
function passagesOf(text: string): { at: number; length: number; text: string; context: string }[] {
  return [...text.matchAll(/[^\n]+(?:\n(?! *[-*] )[^\n]+)*/g)].flatMap(({ 0: block, index }) => {
    const [heading = ''] = block.split('\n')
    if (!heading.startsWith('|')) {
      return [{ at: index, length: block.length, text: block, context: '' }]
    }
    return [...block.matchAll(/[^\n]+/g)].slice(2).map(row => ({
      ...{ at: index + row.index, length: row[0].length },
      ...{ text: row[0], context: heading },
    }))
  })
}

const fence = /^ *(`{3,}|~{3,})[^\n]*\n[\s\S]*?^ *\1`*~* *$/gm
/** From its comment to the comment that ends it: what `npm run docs` makes is right by itself. */
const generated = /<!-- [^\n]*made by `npm run docs`[^\n]*-->[\s\S]*?<!-- end of [^\n]* -->/g
const codeSpan = /`[^`\n]*`/g
const listNumber = /^ *\d+\. /gm

/** The page with everything blanked out that is no prose. Every place in it stays where it is. */
function maskCode(text: string): string {
  return [fence, generated, /<!--[\s\S]*?-->/g, codeSpan, listNumber].reduce(
    (prose, pattern) => prose.replace(pattern, blank),
    text,
  )
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}

function placeOf({ path, text }: Page, at: number): string {
  return `${path}:${text.slice(0, at).split('\n').length}`
}
