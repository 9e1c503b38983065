import { posix } from 'node:path'
import type { Violation } from './violation.ts'

export type Page = Readonly<{ path: string; text: string }>

export type Surroundings = Readonly<{
  /** Every page of the repository: links may point into them. */
  pages: readonly Page[]
  /** Whether a path of the repository is there, as a file or a folder. */
  exists: (path: string) => boolean
  /** Names of the npm scripts in the root package.json. */
  scripts: readonly string[]
}>

/** Claims of a page about the repository that are wrong: links, commands and paths. */
export function pageViolations(page: Page, around: Surroundings): Violation[] {
  const lines = page.text.split('\n')
  const inFence = fencedLines(lines)
  return lines.flatMap((line, index) => {
    const claims = [
      ...(inFence[index] ? [] : brokenLinks(page.path, line, around)),
      ...unknownCommands(line, around.scripts),
      ...unrunnablePrograms(line),
      ...missingPaths(line, around),
    ]
    return claims.map(({ rule, message }) => ({ rule, file: page.path, line: index + 1, message }))
  })
}

type Claim = { rule: string; message: string }

const inlineLink = /\]\(\s*<?([^\s)>]+)>?(?:\s+"[^"]*")?\s*\)/g
const definedLink = /^\s{0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?/g
const codeSpan = /`[^`]*`/g

function brokenLinks(from: string, line: string, around: Surroundings): Claim[] {
  const text = line.replace(codeSpan, '')
  return [...text.matchAll(inlineLink), ...text.matchAll(definedLink)]
    .map(([, target = '']) => target)
    .filter(target => !/^[a-z][a-z+.-]*:|^\/\//i.test(target))
    .flatMap(target => {
      const [file = '', anchor] = target.split('#').map(decodeURIComponent)
      const path = resolveLink(from, file)
      if (!around.exists(path)) return [{ rule: 'link', message: `${target}: no such file` }]
      const page = around.pages.find(candidate => candidate.path === path)
      if (anchor === undefined || page === undefined) return []
      if (anchorsIn(page.text).has(anchor)) return []
      return [{ rule: 'anchor', message: `${target}: no heading makes this anchor` }]
    })
}

function resolveLink(from: string, file: string): string {
  if (file === '') return from
  if (file.startsWith('/')) return file.slice(1)
  return posix.join(posix.dirname(from), file)
}

/** The anchors that GitHub gives the headings of a page. */
export function anchorsIn(text: string): ReadonlySet<string> {
  const lines = text.split('\n')
  const inFence = fencedLines(lines)
  const anchors = new Set<string>()
  for (const [index, line] of lines.entries()) {
    const heading = inFence[index] ? undefined : /^#{1,6}\s+(.*?)\s*#*$/.exec(line)?.[1]
    if (heading !== undefined) anchors.add(unusedName(anchorOf(heading), anchors))
    for (const [, id = ''] of line.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id)
  }
  return anchors
}

function anchorOf(heading: string): string {
  return heading
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replace(/\s/g, '-')
}

function unusedName(name: string, taken: ReadonlySet<string>): string {
  if (!taken.has(name)) return name
  let copy = 1
  while (taken.has(`${name}-${copy}`)) copy++
  return `${name}-${copy}`
}

/** `npm run x`, and the four that npm lets us call without `run`. */
const npmCommand = /\bnpm (?:run(?:-script)? ([a-z][\w:-]*)|(start|stop|test|restart)\b)/g

function unknownCommands(line: string, scripts: readonly string[]): Claim[] {
  return [...line.matchAll(npmCommand)]
    .map(([, named, short]) => named ?? short ?? '')
    .filter(script => !scripts.includes(script))
    .map(script => ({ rule: 'command', message: `npm run ${script}: no such script` }))
}

/** `node x.ts`, where nothing before it chooses which Node that is. */
const ownNode = /(?<!npm run )(?<![\w/.-])node (?!-- )([\w./-]+\.ts)\b/g

/** A reader's Node may be one that runs no TypeScript; `npm run node` brings the one that does. */
function unrunnablePrograms(line: string): Claim[] {
  return [...line.matchAll(ownNode)].map(([, file]) => ({
    rule: 'command',
    message: `node ${file}: write npm run node -- ${file}, which works with any Node`,
  }))
}

const repositoryPath = /`((?:services|packages|infra|docs|load-tests|tools)\/[\w@./-]+?)(?::\d+)?`/g

function missingPaths(line: string, around: Surroundings): Claim[] {
  return [...line.matchAll(repositoryPath)]
    .map(([, path = '']) => path)
    .filter(path => !around.exists(path))
    .map(path => ({ rule: 'path', message: `${path}: no such file or folder` }))
}

/** For each line, whether it belongs to a fenced block; the fences themselves do. */
function fencedLines(lines: readonly string[]): boolean[] {
  let fence: string | undefined
  return lines.map(line => {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence === undefined) {
      fence = mark
      return mark !== undefined
    }
    if (mark?.startsWith(fence)) fence = undefined
    return true
  })
}
