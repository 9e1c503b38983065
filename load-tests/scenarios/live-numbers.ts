import { quantile } from '../reporting/figures.ts'
import type { Asked, OutcomeType } from './history-line.ts'

/** Recent numbers of a run. They count attempts, because a later retry is not known yet. */
export type LiveNumbers = Readonly<{
  /** Employers that arrived. */
  offered: number
  /** Final answers: captured or declined. */
  good: number
  refused: number
  /** Accepted or in progress, without a final answer yet. */
  pending: number
  /** No answer, or an answer that proves nothing. */
  lost: number
  /** The time from the intended start to a good answer. Undefined when there was none. */
  p99Ms: number | undefined
}>

type Line = Pick<Asked, 'op' | 'req'> & {
  type: OutcomeType | 'invoke'
  status?: number
  sinceMs?: number
}

/**
 * Counts the lines that a run has added to its history. Following the history costs the generator
 * nothing. The JSON output of k6 would cost it more than the requests do.
 */
export function liveNumbersOf(lines: readonly string[]): LiveNumbers {
  const counts = { offered: 0, good: 0, refused: 0, pending: 0, lost: 0 }
  const sinceMs: number[] = []
  for (const text of lines) {
    const line = JSON.parse(text) as Line
    // A read, or a copy of an answered request, is no new intent.
    if (line.op === 'read' || line.req['again'] === 1) continue
    const count = countOf(line)
    if (count !== undefined) counts[count] += 1
    if (count === 'good' && line.sinceMs !== undefined) sinceMs.push(line.sinceMs)
  }
  return { ...counts, p99Ms: quantile(sinceMs, 0.99) }
}

function countOf({ op, type, req, status }: Line): keyof Omit<LiveNumbers, 'p99Ms'> | undefined {
  // An employer arrives with a draft, so its first publish is no arrival.
  if (type === 'invoke') return op !== 'publish' && req['attempt'] === 1 ? 'offered' : undefined
  if (type === 'ok') return op === 'draft' ? undefined : 'good'
  if (status === 402) return 'good'
  if (status === 202 || status === 409) return 'pending'
  return type === 'fail' || status === 503 ? 'refused' : 'lost'
}
