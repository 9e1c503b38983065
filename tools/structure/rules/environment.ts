import type { Token } from '../scan.ts'
import { isCode, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Programs' entry points: what a person or a supervisor starts, and so may be configured. */
const entryPoints = [
  /^services\/[^/]+\/src\/main\.ts$/,
  /^infra\/simulators\/[^/]+\/src\/main\.ts$/,
  /^infra\/faults\/src\/main\.ts$/,
  /^load-tests\/[^/]+\/main\.ts$/,
  /^tools\/cli\/commands\/[^/]+\.ts$/,
  /^infra\/local\/src\/[^/]+\/[^/]+-main\.ts$/,
  /^infra\/observability\/src\/trace-sink\.ts$/,
  /^tools\/cli\/bootstrap\.mjs$/,
]

/** Others that still read it, each with the reason. An entry that no longer does is an error. */
export const environmentAllowed: Readonly<Record<string, string>> = {
  'infra/local/src/machine.ts': 'finds programs on the PATH of whoever started the command',
}

/** `process.env` away from the entry points, and entries of the allow-list that are not needed. */
export function environmentViolations(
  files: readonly SourceFile[],
  allowed: Readonly<Record<string, string>>,
): Violation[] {
  const readers = files.filter(file => isCode(file.path) && firstRead(file) !== undefined)
  const strangers = readers
    .filter(({ path }) => !entryPoints.some(entry => entry.test(path)) && !(path in allowed))
    .map(file => ({
      rule: 'environment',
      file: file.path,
      line: firstRead(file) ?? 1,
      message: 'process.env is read at the entry points only; take the setting as an argument',
    }))
  const stale = Object.keys(allowed)
    .filter(path => !readers.some(reader => reader.path === path))
    .map(file => ({
      rule: 'environment',
      file,
      line: 1,
      message: 'no longer reads process.env: take it off the allow-list in rules/environment.ts',
    }))
  return [...strangers, ...stale]
}

/** The line of the first `process.env`, or of an import that takes `env` out of `node:process`. */
function firstRead({ tokens }: SourceFile): number | undefined {
  const at = tokens.findIndex((token, index) => {
    if (token.text === 'process' && token.kind === 'word') {
      return tokens[index + 1]?.text === '.' && tokens[index + 2]?.text === 'env'
    }
    const isSpecifier = tokens[index - 1]?.text === 'from' && /^(node:)?process$/.test(token.text)
    return isSpecifier && importedWords(tokens, index).includes('env')
  })
  return tokens[at]?.line
}

/** The words between `import` and the specifier at this index. */
function importedWords(tokens: readonly Token[], specifierAt: number): string[] {
  const before = tokens.slice(0, specifierAt)
  const start = before.findLastIndex(({ kind, text }) => kind === 'word' && text === 'import')
  return start < 0 ? [] : before.slice(start).map(({ text }) => text)
}
