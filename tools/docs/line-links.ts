import { posix } from 'node:path'
import type { Page } from './figures.ts'

/** The text of a file by its path from the root; undefined when there is none. */
export type ReadText = (path: string) => string | undefined

/** `[INSERT](../src/claim.ts#L12)`, or lines with `#L12-L15`. Shown in ticks or not. */
const lineLink =
  /\[(?<shown>[^\]]+)\]\((?<file>[^\s)#:]+)#L(?<first>\d+)(?:-L(?<last>\d+))?(?:\s+"[^"]*")?\)/g

/**
 * Links into files whose line is not the one that the link shows: a line moves with every change
 * above it, and a link that still leads somewhere hides that. What is shown must stand there, to the
 * letter; where it stands now is a part of the message.
 */
export function lineLinkMistakes(page: Page, readText: ReadText): string[] {
  return [...page.text.matchAll(lineLink)].flatMap(({ index, groups }) => {
    const mistake = mistakeOf(page.path, groups ?? {}, readText)
    if (mistake === undefined) return []
    const line = page.text.slice(0, index).split('\n').length
    return [`${page.path}:${line} ${mistake}`]
  })
}

/** The page with each link to where its words stand now; of several lines, to the nearest. */
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
