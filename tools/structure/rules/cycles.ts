import { pathOf, placeOf } from '../place.ts'
import { isTest, type SourceFile } from '../source-tree.ts'
import type { Violation } from '../violation.ts'

type Edge = { to: string; file: string; line: number }
type Graph = ReadonlyMap<string, readonly Edge[]>

/**
 * Cycles of imports between files, each reported once, at the import that closes it. Type imports do
 * not count: they are erased, so they can neither load a module too early nor find a value undefined,
 * and the layers already say in which direction types may go. Dynamic imports do count: a reader
 * cannot understand either side of such a cycle without the other.
 */
export function cycleViolations(files: readonly SourceFile[]): Violation[] {
  const graph = new Map(files.map(file => [file.path, loadedFiles(file)]))
  return closingEdges(graph).map(({ edge, cycle }) => ({
    rule: 'cycles',
    file: edge.file,
    line: edge.line,
    message: `files import each other: ${cycle.join(' -> ')}`,
  }))
}

/** Cycles of imports between packages, types included. Tests are in no package's way. */
export function packageCycleViolations(files: readonly SourceFile[]): Violation[] {
  const graph = new Map<string, Edge[]>()
  for (const file of files.filter(({ path }) => !isTest(path))) {
    const from = placeOf(file.path).workspace
    const edges = file.code.imports
      .map(({ specifier, line }) => {
        const path = pathOf(file.path, specifier)
        return { to: path === undefined ? '' : placeOf(path).workspace, file: file.path, line }
      })
      .filter(({ to }) => to !== '' && to !== from)
    graph.set(from, [...(graph.get(from) ?? []), ...edges])
  }
  return closingEdges(graph).map(({ edge, cycle }) => ({
    rule: 'package-cycles',
    file: edge.file,
    line: edge.line,
    message: `packages import each other: ${cycle.join(' -> ')}`,
  }))
}

function loadedFiles({ path, code }: SourceFile): Edge[] {
  return code.imports
    .filter(({ kind }) => kind !== 'type' && kind !== 'type re-export')
    .map(({ specifier, line }) => ({ to: pathOf(path, specifier) ?? '', file: path, line }))
}

function closingEdges(graph: Graph): { edge: Edge; cycle: readonly string[] }[] {
  const finished = new Set<string>()
  const closing: { edge: Edge; cycle: readonly string[] }[] = []
  const visit = (node: string, trail: readonly string[]): void => {
    for (const edge of graph.get(node) ?? []) {
      const start = trail.indexOf(edge.to)
      if (start >= 0) closing.push({ edge, cycle: [...trail.slice(start), edge.to] })
      else if (graph.has(edge.to) && !finished.has(edge.to)) visit(edge.to, [...trail, edge.to])
    }
    finished.add(node)
  }
  for (const node of graph.keys()) if (!finished.has(node)) visit(node, [node])
  return closing
}
