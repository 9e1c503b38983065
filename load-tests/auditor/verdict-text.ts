import { explainPromise } from './promises.ts'
import type { PromiseCode, Verdict, Violation } from './verdict.ts'

/** The text has the timelines of the first few violations of each promise. The JSON has all of them. */
const shownOfEachMax = 2

/** The verdict for a person: first what is broken and how that came about, then what was seen. */
export function verdictText(verdict: Verdict): string {
  const { coverage, counts } = verdict
  const { inconclusive, unmet, unchecked, recoveryMs } = coverage
  const sections = [
    `valid: ${verdict.valid}`,
    ...firstOfEach(verdict).map(violationText),
    section('broken promises', brokenLines(verdict)),
    section('inconclusive because', [...inconclusive, ...unmet.map(what => `missing: ${what}`)]),
    section(
      'not checked',
      unchecked.map(name => `${name} is empty`),
    ),
    section('rows seen', table(counts.seen)),
    section('events seen', table(coverage.sometimes)),
    recoveryMs === undefined
      ? ''
      : `in its steady state again within ${recoveryMs} ms after the last fault`,
  ]
  return sections.filter(text => text !== '').join('\n\n')
}

function firstOfEach({ violations }: Verdict): Violation[] {
  const shown = new Map<PromiseCode, number>()
  return violations.filter(({ promise }) => {
    const times = (shown.get(promise) ?? 0) + 1
    shown.set(promise, times)
    return times <= shownOfEachMax
  })
}

function violationText({ promise, message, timeline }: Violation): string {
  const lines = timeline.map(
    ({ t, source, line }) => `    ${new Date(t).toISOString()}  ${source.padEnd(17)} ${line}`,
  )
  return [`Broken: ${explainPromise(promise)}`, `  ${message}`, ...lines].join('\n')
}

function brokenLines({ counts }: Verdict): string[] {
  return Object.entries(counts.violations).map(([code, total]) => {
    const shown = total > shownOfEachMax ? ` (${shownOfEachMax} of them shown above)` : ''
    return `${explainPromise(code as PromiseCode)}: broken ${total} times${shown}`
  })
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines.map(line => `  ${line}`)].join('\n')
}

function table(counts: Readonly<Record<string, number>>): string[] {
  const width = Math.max(0, ...Object.keys(counts).map(({ length }) => length))
  return Object.entries(counts).map(([name, count]) => `${name.padEnd(width)} ${count}`)
}
