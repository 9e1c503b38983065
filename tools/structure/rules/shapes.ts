import { pathOf } from '../place.ts'
import { isCode, isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Files that hide where things come from, and load all of them where one is needed. */
export function barrelViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, code }) => {
    const at = (line: number, message: string) => ({ rule: 'barrels', file: path, line, message })
    if (/(^|\/)index\.(ts|mjs)$/.test(path)) return [at(1, 'name a file after its main export')]
    const wildcard = code.wildcards[0]
    if (wildcard !== undefined) return [at(wildcard.line, 'export * hides where a name comes from')]
    if (code.onlyPassesOn) return [at(1, 'only re-exports: import from the file that made it')]
    return []
  })
}

const fileLinesMax = 400

/** Files too long to be read at one sitting. */
export function fileLengthViolations(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(({ path }) => isCode(path))
    .filter(({ text }) => lineCount(text) > fileLinesMax)
    .map(({ path, text }) => ({
      rule: 'file-length',
      file: path,
      line: fileLinesMax + 1,
      message: `${lineCount(text)} lines; at most ${fileLinesMax}: find the second idea in it`,
    }))
}

const lonelyLinesMin = 25

/** A pattern's folder has these files whatever their length; programs start others by their path. */
const smallAllowed = [
  /^packages\/patterns\/src\/[^/]+\/(types|naive)\.ts$/,
  /(^|[/-])main\.ts$/,
  /(^|[/.])config\.ts$/,
  /\/migrations\//,
  /^tools\/cli\/commands\//,
  /^load-tests\/scenarios\/(baseline|spike|soak|three-in-the-morning)\.ts$/,
]

/** Small files that one other file imports: a reader opens a second file for a few lines. */
export function smallFileViolations(files: readonly SourceFile[]): Violation[] {
  const program = files.filter(({ path }) => isCode(path) && !isTest(path))
  const importersOf = new Map<string, Set<string>>()
  for (const { path, code } of program) {
    for (const { specifier } of code.imports) {
      const target = pathOf(path, specifier)
      if (target === undefined) continue
      importersOf.set(target, (importersOf.get(target) ?? new Set()).add(path))
    }
  }
  return program
    .filter(({ path }) => !smallAllowed.some(allowed => allowed.test(path)))
    .filter(({ text }) => lineCount(text) < lonelyLinesMin)
    .flatMap(({ path }) => {
      const [importer, ...others] = importersOf.get(path) ?? []
      if (importer === undefined || others.length > 0) return []
      const message = `under ${lonelyLinesMin} lines, and only ${importer} imports it: move it there`
      return [{ rule: 'small-files', file: path, line: 1, message }]
    })
}

const vagueNames = ['utils', 'util', 'helpers', 'common', 'shared']

/** Names that accept anything, and so say nothing. */
export function vagueNameViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path }) => {
    const vague = path.split('/').find(part => vagueNames.includes(part.replace(/\.[^.]+$/, '')))
    if (vague === undefined) return []
    const message = `${vague} accepts anything: name the idea (deadline, backoff, jitter)`
    return [{ rule: 'vague-names', file: path, line: 1, message }]
  })
}

const bannedWords = /exactly[ -]once|guaranteed|production-ready/i // we never promise these
const saysNever = /\bnever\b/i

/** Promises that no system can keep. A line that says we never make them may name them. */
export function bannedWordViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((content, index) => {
      const word = bannedWords.exec(content)?.[0]
      if (word === undefined || saysNever.test(content)) return []
      const message = `"${word}" promises what no system can keep; say what is counted instead`
      return [{ rule: 'banned-words', file: path, line: index + 1, message }]
    }),
  )
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length
}
