import type { HistoryLine } from './evidence.ts'

/** One request of a client: when it began, and what the client knows about its end. */
export type Attempt = Omit<HistoryLine, 'type' | 't' | 'res'> & {
  /** Also `info` when the history has no end of it: the request may or may not have taken effect. */
  outcome: 'ok' | 'fail' | 'info'
  startedAt: number
  /** Undefined when the attempt did not end. Then no later attempt is known to come after it. */
  endedAt: number | undefined
  res: NonNullable<HistoryLine['res']>
}

/**
 * Joins the two lines of each attempt. A client that died leaves only the first line. Everything else
 * that does not match is a problem: then the history is not what the clients wrote.
 */
export function pairAttempts(lines: readonly HistoryLine[]): {
  attempts: Attempt[]
  problems: string[]
} {
  const problems: string[] = []
  const groups = Map.groupBy(lines, ({ run, idx }) => `${run}#${idx}`)
  const attempts = [...groups].flatMap(([name, group]) => {
    const invokes = group.filter(({ type }) => type === 'invoke')
    const outcomes = group.filter(({ type }) => type !== 'invoke')
    const [invoke] = invokes
    const [outcome] = outcomes
    if (!invoke || invokes.length > 1 || outcomes.length > 1) {
      problems.push(`attempt ${name} has ${invokes.length} beginnings and ${outcomes.length} ends`)
    } else if (outcome && (outcome.op !== invoke.op || outcome.key !== invoke.key)) {
      problems.push(`attempt ${name} ends as another request than it began`)
    } else if (outcome && outcome.t < invoke.t) {
      problems.push(`attempt ${name} ends before it begins`)
    }
    return invoke ? [attemptOf(invoke, outcome)] : []
  })
  return { attempts, problems }
}

function attemptOf(invoke: HistoryLine, outcome: HistoryLine | undefined): Attempt {
  const { type: _, t, ...request } = invoke
  const ended = outcome?.type === 'ok' || outcome?.type === 'fail' ? outcome.type : 'info'
  return {
    ...request,
    outcome: ended,
    startedAt: t,
    endedAt: outcome?.t,
    ...(outcome?.status === undefined ? {} : { status: outcome.status }),
    res: outcome?.res ?? {},
  }
}
