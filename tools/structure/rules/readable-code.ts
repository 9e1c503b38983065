import type { SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

/** Spreads of a literal: they only put several entries on one line. A conditional spread is fine. */
export function literalSpreadViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, code }) =>
    code.literalSpreads.map(({ text, line }) => ({
      rule: 'literal-spreads',
      file: path,
      line,
      message: `${text} spreads a literal: write its entries one by one`,
    })),
  )
}

const parametersMax = 5

/** Functions with so many parameters that a reader of a call has to count them. */
export function parameterCountViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, code }) =>
    code.functions
      .filter(({ parameterCount }) => parameterCount > parametersMax)
      .map(({ parameterCount, line }) => ({
        rule: 'parameter-count',
        file: path,
        line,
        message: `${parameterCount} parameters; at most ${parametersMax}: name them in an object`,
      })),
  )
}

const fragment = /^(Of|As|Who|Whoever|With) /

/** Comments that begin in the middle of a sentence. */
export function commentOpeningViolations(files: readonly SourceFile[]): Violation[] {
  return files.flatMap(({ path, code }) =>
    code.comments.flatMap(({ text, line }) => {
      const word = fragment.exec(text)?.[1]
      if (word === undefined) return []
      const message = `begins with "${word}": write a sentence with a subject and a verb`
      return [{ rule: 'comment-openings', file: path, line, message }]
    }),
  )
}
