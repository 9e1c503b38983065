import type { SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Entry points of programs: a person or a supervisor starts them, so they may be configured. */
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
  'infra/local/src/machine.ts': 'finds programs on the PATH of the person who started the command',
}

/** `process.env` away from the entry points, and entries of the allow-list that are not needed. */
export function environmentViolations(
  files: readonly SourceFile[],
  allowed: Readonly<Record<string, string>>,
): Violation[] {
  const readers = files.filter(file => firstRead(file) !== undefined)
  const misplaced = readers
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
  return [...misplaced, ...stale]
}

/** The line of the first `process.env`, or of an import that takes `env` out of `node:process`. */
function firstRead({ code }: SourceFile): number | undefined {
  const reads = code.names.filter(({ text }) => text === 'process.env')
  const imports = code.imports.filter(
    ({ specifier, names }) => /^(node:)?process$/.test(specifier) && names.includes('env'),
  )
  const lines = [...reads, ...imports].map(({ line }) => line)
  return lines.length === 0 ? undefined : Math.min(...lines)
}
