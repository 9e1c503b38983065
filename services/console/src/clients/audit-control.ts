import type { Verdict } from '@nightshift/load-tests/auditor/verdict'
import type { ToolRunner } from './tool-run.ts'

/** What the auditor says, or why it says nothing. */
export type AuditView = Readonly<{
  state: 'idle' | 'running' | 'over'
  startedAt?: number
  endedAt?: number
  lines: readonly string[]
  verdict?: Pick<Verdict, 'valid' | 'violations'> & Readonly<{ inconclusive: readonly string[] }>
  problem?: string
}>

export type AuditControl = Readonly<{
  view: () => AuditView
  /** Answers why it does not start; undefined when it has begun. */
  start: () => string | undefined
}>

/** Runs the auditor on the running system, as `npm run audit` does. */
export function openAuditControl(tool: ToolRunner): AuditControl {
  let verdict: Judged = {}

  return {
    view() {
      const latest = tool.latest()
      if (latest === undefined) return { state: 'idle', lines: [] }
      const { startedAt, lines, endedAt } = latest
      if (endedAt === undefined) return { state: 'running', startedAt, lines }
      return { state: 'over', startedAt, endedAt, lines, ...verdict }
    },
    start() {
      if (tool.isRunning()) return 'the auditor is at work already'
      tool.start('audit', ['--json'], output => {
        verdict = verdictIn(output)
      })
      return undefined
    },
  }
}

type Judged = Pick<AuditView, 'verdict' | 'problem'>

/** More violations, and more lines of what led to one, are not read on a screen. */
const violationsMax = 20
const linesMax = 12

function verdictIn(output: string): Judged {
  try {
    const { valid, violations: all, coverage } = JSON.parse(output) as Verdict
    const violations = all
      .slice(0, violationsMax)
      .map(each => ({ ...each, timeline: each.timeline.slice(0, linesMax) }))
    return { verdict: { valid, violations, inconclusive: coverage.inconclusive } }
  } catch {
    return { problem: 'it ended without a verdict' }
  }
}
