import { posix } from 'node:path'
import type { Page, ReadText } from './read-pages.ts'

/** `[INSERT](../src/claim.ts#L12)`, or several lines with `#L12-L15`; the words may be in ticks. */
const lineLink =
  /\[(?<shown>[^\]]+)\]\((?<file>[^\s)#:]+)#L(?<first>\d+)(?:-L(?<last>\d+))?(?:\s+"[^"]*")?\)/g

/**
 * Links to a line that does not have the words that the link shows. A line moves with every change
 * above it, and a link that still leads somewhere hides that. The message says where the words are
 * now.
 */
export function wrongLineLinks(page: Page, readText: ReadText): string[] {
  return [...page.text.matchAll(lineLink)].flatMap(({ index, groups }) => {
    const mistake = mistakeOf(page.path, groups ?? {}, readText)
    if (mistake === undefined) return []
    const line = page.text.slice(0, index).split('\n').length
    return [`${page.path}:${line} ${mistake}`]
  })
}

/** The page with each link set to the line that has its words now, or to the nearest of several. */
export function renewLineLinks({ path, text }: Page, readText: ReadText): string {
  return text.replace(lineLink, (link, ...rest) => {
    const groups: Groups = rest.at(-1)
    const { shown = '', file = '', first = '', last } = groups
    if (last !== undefined || mistakeOf(path, groups, readText) === undefined) return link
    const target = readText(posix.join(posix.dirname(path), file)) ?? ''
    const [nearest] = linesWith(shown.replaceAll('`', ''), target).toSorted(
      (a, b) => Math.abs(a - Number(first)) - Math.abs(b - Number(first)),
    )
    return nearest === undefined ? link : link.replace(`#L${first}`, `#L${nearest}`)
  })
}

type Groups = Readonly<Partial<Record<string, string>>>

function mistakeOf(from: string, groups: Groups, readText: ReadText): string | undefined {
  const { shown = '', file = '', first = '', last = first } = groups
  const path = posix.join(posix.dirname(from), file)
  const text = readText(path)
  if (text === undefined) return `${path}: no such file`
  const words = shown.replaceAll('`', '')
  const lines = text.split('\n')
  const linked = lines.slice(Number(first) - 1, Number(last))
  if (linked.some(line => line.includes(words))) return undefined
  const now = linesWith(words, text)
  const where = now.length === 0 ? 'is nowhere in it' : `is on line ${now.join(', ')}`
  return `${path}: "${words}" is not on line ${first}, and ${where}`
}

function linesWith(words: string, text: string): number[] {
  return text.split('\n').flatMap((line, at) => (line.includes(words) ? [at + 1] : []))
}
