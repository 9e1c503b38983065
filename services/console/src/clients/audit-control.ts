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
  return {
    view() {
      const latest = tool.latest()
      if (latest === undefined) return { state: 'idle', lines: [] }
      const { startedAt, lines, ended } = latest
      if (ended === undefined) return { state: 'running', startedAt, lines }
      return { state: 'over', startedAt, endedAt: ended.at, lines, ...verdictIn(ended.output) }
    },
    start() {
      if (tool.isRunning()) return 'the auditor is at work already'
      tool.start('audit', ['--json'])
      return undefined
    },
  }
}

function verdictIn(output: string): Pick<AuditView, 'verdict' | 'problem'> {
  try {
    const { valid, violations, coverage } = JSON.parse(output) as Verdict
    return { verdict: { valid, violations, inconclusive: coverage.inconclusive } }
  } catch {
    return { problem: 'it ended without a verdict' }
  }
}
