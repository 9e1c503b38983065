import { pathOf } from '../place.ts'
import type { SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Edge = { to: string; line: number }

/**
 * Circles of imports, each reported once, at the import that closes it. Type imports do not count:
 * they are erased, so they can neither load a module too early nor find a value undefined, and the
 * rooms already say in which direction types may travel. Dynamic imports do: a reader cannot tell
 * either side of such a circle without the other.
 */
export function cycleViolations(files: readonly SourceFile[]): Violation[] {
  const graph = new Map(files.map(file => [file.path, edgesOf(file)]))
  const finished = new Set<string>()
  const violations: Violation[] = []

  const visit = (path: string, trail: readonly string[]): void => {
    for (const { to, line } of graph.get(path) ?? []) {
      const start = trail.indexOf(to)
      if (start >= 0) {
        const circle = [...trail.slice(start), to].join(' -> ')
        violations.push({
          rule: 'cycles',
          file: path,
          line,
          message: `imports go round: ${circle}`,
        })
      } else if (graph.has(to) && !finished.has(to)) visit(to, [...trail, to])
    }
    finished.add(path)
  }
  for (const path of graph.keys()) if (!finished.has(path)) visit(path, [path])
  return violations
}

function edgesOf(file: SourceFile): Edge[] {
  return file.shape.imports
    .filter(({ kind }) => kind !== 'type' && kind !== 'type re-export')
    .map(({ specifier, line }) => ({ to: pathOf(file.path, specifier) ?? '', line }))
}
