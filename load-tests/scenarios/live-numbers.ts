import type { Asked, OutcomeType } from './history-line.ts'

/** What happened lately, by attempts: whether somebody tries again is not known yet. */
export type LiveNumbers = Readonly<{
  /** Employers who came. */
  offered: number
  /** Final answers: captured or declined. */
  good: number
  refused: number
  /** Accepted or at work, and not known yet. */
  pending: number
  /** No answer, or one that says nothing. */
  lost: number
  /** Of the good ones, from the intended start; undefined when there was none. */
  p99Ms: number | undefined
}>

type Line = Pick<Asked, 'op' | 'req'> & {
  type: OutcomeType | 'invoke'
  status?: number
  sinceMs?: number
}

/**
 * Counts the lines that a run has added to its history. The history is written anyway, so to follow
 * it costs the generator nothing; k6's own JSON output would cost it more than the requests do.
 */
export function liveNumbersOf(lines: readonly string[]): LiveNumbers {
  const counts = { offered: 0, good: 0, refused: 0, pending: 0, lost: 0 }
  const sinceMs: number[] = []
  for (const text of lines) {
    const line = JSON.parse(text) as Line
    // What was answered before is not one more answer.
    if (line.op === 'read' || line.req['again'] === 1) continue
    const count = countOf(line)
    if (count !== undefined) counts[count] += 1
    if (count === 'good' && line.sinceMs !== undefined) sinceMs.push(line.sinceMs)
  }
  sinceMs.sort((a, b) => a - b)
  return { ...counts, p99Ms: sinceMs[Math.ceil(sinceMs.length * 0.99) - 1] }
}

function countOf({ op, type, req, status }: Line): keyof Omit<LiveNumbers, 'p99Ms'> | undefined {
  // Whoever publishes drafts first.
  if (type === 'invoke') return op !== 'publish' && req['attempt'] === 1 ? 'offered' : undefined
  if (type === 'ok') return op === 'draft' ? undefined : 'good'
  if (status === 402) return 'good'
  if (status === 202 || status === 409) return 'pending'
  return type === 'fail' || status === 503 ? 'refused' : 'lost'
}
