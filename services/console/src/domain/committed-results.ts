/** One arm as a result has it: what its figure was in the middle of all rounds, and its range. */
export type ArmFigure = Readonly<{ value: number; of?: number; least: number; most: number }>

/** The two arms of an experiment, measured at one time. */
export type Comparison = Readonly<{ naive: ArmFigure; with: ArmFigure }>

/** An experiment with a committed result. */
export type ComparedExperiment = Readonly<{
  name: string
  title: string
  pattern: string
  hypothesis: string
  /** What the figure counts. */
  unit: string
  committed: Comparison & Readonly<{ commit: string; date: string; rounds: number }>
  /** Whether one payment of each arm was drawn: `/replays/<name>.svg`. */
  hasReplay: boolean
}>

type Arm = Readonly<{
  rounds: readonly unknown[]
  median: Readonly<Record<string, number>>
  range: Readonly<Record<string, readonly [number, number]>>
}>

/** The fields of a result of `npm run experiment`; the whole form is in result.schema.json. */
export type ExperimentResult = Readonly<{
  name: string
  kind: string
  title: string
  pattern?: string
  hypothesis?: string
  commit: string
  date: string
  outcome: string
  shows?: Readonly<{ figure: string; of: string; unit: string }>
  arms: Readonly<Partial<Record<string, Arm>>>
}>

/** The experiment of a result; undefined for a result without two arms to compare. */
export function comparedIn(
  result: ExperimentResult,
  replays: ReadonlySet<string>,
): ComparedExperiment | undefined {
  const both = comparisonIn(result)
  if (both === undefined || result.pattern === undefined) return undefined
  const { name, title, pattern, hypothesis = '', commit, date, shows, arms } = result
  const rounds = arms['with']?.rounds.length ?? 0
  const unit = shows?.unit ?? ''
  const committed = { ...both, commit, date, rounds }
  return { name, title, pattern, hypothesis, unit, committed, hasReplay: replays.has(name) }
}

/** Both arms of a result; undefined when it has no naive one. */
export function comparisonIn({ arms, shows }: ExperimentResult): Comparison | undefined {
  const { naive, with: kept } = arms
  if (!naive || !kept || !shows) return undefined
  const { figure, of } = shows
  const figureOf = (arm: Arm): ArmFigure => {
    const value = arm.median[figure] ?? Number.NaN
    const [least = value, most = value] = arm.range[figure] ?? []
    const whole = arm.median[of]
    return { value, least, most, ...(whole !== undefined && { of: whole }) }
  }
  return { naive: figureOf(naive), with: figureOf(kept) }
}
