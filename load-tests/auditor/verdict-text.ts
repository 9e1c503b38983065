import { type Invariant, invariants, type Verdict, type Violation } from './verdict.ts'

/** A person reads how it came to one or two of a kind; a verdict as JSON has the others. */
const toldOfEachMax = 2

/** The verdict for a person: what is broken and how it came to that, then what was seen. */
export function verdictText(verdict: Verdict): string {
  const { coverage, counts } = verdict
  const sections = [
    `valid: ${verdict.valid}`,
    ...firstOfEach(verdict).map(violationText),
    section('broken promises', brokenLines(verdict)),
    section('not known', [...coverage.unknown, ...coverage.unmet.map(what => `missing: ${what}`)]),
    section(
      'not checked',
      coverage.unchecked.map(name => `${name} had nothing to say`),
    ),
    section('seen', table(counts.seen)),
    section('happened', table(coverage.sometimes)),
    coverage.recoveryMs === undefined
      ? ''
      : `honest again within ${coverage.recoveryMs} ms after the last fault`,
  ]
  return sections.filter(text => text !== '').join('\n\n')
}

function firstOfEach({ violations }: Verdict): Violation[] {
  const told = new Map<Invariant, number>()
  return violations.filter(({ invariant }) => {
    const times = (told.get(invariant) ?? 0) + 1
    told.set(invariant, times)
    return times <= toldOfEachMax
  })
}

function violationText({ invariant, message, timeline }: Violation): string {
  const lines = timeline.map(
    ({ t, source, line }) => `    ${new Date(t).toISOString()}  ${source.padEnd(17)} ${line}`,
  )
  return [`${invariant} (${invariants[invariant]}): ${message}`, ...lines].join('\n')
}

function brokenLines({ counts }: Verdict): string[] {
  return Object.entries(counts.violations).map(([name, total]) => {
    const rest = total > toldOfEachMax ? ` (${toldOfEachMax} of them told above)` : ''
    return `${name} ${invariants[name as Invariant]}: ${total}${rest}`
  })
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines.map(line => `  ${line}`)].join('\n')
}

function table(counts: Readonly<Record<string, number>>): string[] {
  const width = Math.max(0, ...Object.keys(counts).map(({ length }) => length))
  return Object.entries(counts).map(([name, count]) => `${name.padEnd(width)} ${count}`)
}
