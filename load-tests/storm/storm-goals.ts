/** What a figure of the storm should be. */
export type Goal = Readonly<{ figure: string }> &
  Readonly<{ atLeast: number } | { atMost: number } | { from: number; to: number }>

/** A goal with the figure of a storm. It has the form that results have for all targets. */
export type JudgedGoal = Readonly<{ figure: string; goal: string; value: number; met: boolean }>

/** Employers come back to a system that serves them all, in so many seconds. -1 means never. */
const secondsUntilGoodMax = 2

/** What the storm promises; `storm-figures.ts` says what each figure means. */
export const stormGoals: readonly Goal[] = [
  { figure: 'calmServedToSaturated', atLeast: 0.95 },
  { figure: 'servedToSaturated', atLeast: 0.85 },
  { figure: 'inTimeOfServed', atLeast: 0.85 },
  { figure: 'acceptedP99Ratio', atMost: 2 },
  { figure: 'secondsUntilGood', from: 0, to: secondsUntilGoodMax },
  { figure: 'attemptsPerIntent', atMost: 3 },
  { figure: 'chargedForTheGone', atMost: 0.05 },
  { figure: 'memoryRatio', atMost: 1.3 },
  { figure: 'errors', atMost: 0 },
  { figure: 'deadLetters', atMost: 0 },
  { figure: 'leftUnfinished', atMost: 0 },
]

/** Below this share of the rated capacity an overloaded system has collapsed. */
export const collapsedBelow = 0.5

/** Compares the figures of a storm, or the medians of several, with the goals. */
export function judgeGoals(figures: Readonly<Record<string, number>>): JudgedGoal[] {
  return stormGoals.map(goal => {
    const value = figures[goal.figure] ?? Number.NaN
    if ('atLeast' in goal) {
      return { ...named(goal, value, `>= ${goal.atLeast}`), met: value >= goal.atLeast }
    }
    if ('atMost' in goal) {
      return { ...named(goal, value, `<= ${goal.atMost}`), met: value <= goal.atMost }
    }
    const met = value >= goal.from && value <= goal.to
    return { ...named(goal, value, `${goal.from} to ${goal.to}`), met }
  })
}

function named({ figure }: Goal, value: number, goal: string) {
  return { figure, goal, value }
}
