import { isCode, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** A file that hides where things come from, and loads all of them for whoever needs one. */
export function barrelViolations(files: readonly SourceFile[]): Violation[] {
  return files.filter(isCodeFile).flatMap(({ path, shape }) => {
    const at = (line: number, message: string) => ({ rule: 'barrels', file: path, line, message })
    if (/(^|\/)index\.(ts|mjs)$/.test(path)) return [at(1, 'name a file after its main export')]
    const wildcard = shape.wildcards[0]
    if (wildcard !== undefined) return [at(wildcard.line, 'export * hides where a name comes from')]
    if (shape.onlyPassesOn) return [at(1, 'only re-exports: import from the file that made it')]
    return []
  })
}

const fileLinesMax = 400

/** A file too long to be read at one sitting. */
export function fileLengthViolations(files: readonly SourceFile[]): Violation[] {
  return files
    .filter(isCodeFile)
    .filter(({ text }) => lineCount(text) > fileLinesMax)
    .map(({ path, text }) => ({
      rule: 'file-length',
      file: path,
      line: fileLinesMax + 1,
      message: `${lineCount(text)} lines; at most ${fileLinesMax}: find the second idea in it`,
    }))
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

const bannedWords = /exactly[ -]once|guaranteed|production-ready/i // what we never say
const saysNever = /\bnever\b/i

/** Promises that nobody can keep. A line that says we never make them may name them. */
export function bannedWordViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((content, index) => {
      const word = bannedWords.exec(content)?.[0]
      if (word === undefined || saysNever.test(content)) return []
      const message = `"${word}" promises what nobody can keep; say what is counted instead`
      return [{ rule: 'banned-words', file: path, line: index + 1, message }]
    }),
  )
}

function isCodeFile({ path }: SourceFile): boolean {
  return isCode(path)
}

function lineCount(text: string): number {
  return text.trimEnd().split('\n').length
}
