/** What a figure of the storm should be. */
export type Goal = Readonly<{ figure: string }> & Readonly<{ atLeast: number } | { atMost: number }>

/** A goal with the figure of a storm. It has the form that results have for all targets. */
export type JudgedGoal = Readonly<{ figure: string; goal: string; value: number; met: boolean }>

/** So many seconds after an overload or an outage, employers come to a system that serves all of them. */
const secondsUntilGoodMax = { overload: 2, providerOrDatabase: 1, kafka: 5 }

/** What the storm promises; `storm-figures.ts` says what each figure means. */
export const stormGoals: readonly Goal[] = [
  { figure: 'calmServedToSaturated', atLeast: 0.95 },
  { figure: 'servedToSaturated', atLeast: 0.85 },
  { figure: 'inTimeOfServed', atLeast: 0.85 },
  { figure: 'acceptedP99Ratio', atMost: 2 },
  { figure: 'secondsUntilGood', atMost: secondsUntilGoodMax.overload },
  { figure: 'secondsUntilGoodAfterProvider', atMost: secondsUntilGoodMax.providerOrDatabase },
  { figure: 'secondsUntilGoodAfterDatabase', atMost: secondsUntilGoodMax.providerOrDatabase },
  { figure: 'secondsUntilGoodAfterKafka', atMost: secondsUntilGoodMax.kafka },
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
    return { ...named(goal, value, `<= ${goal.atMost}`), met: value <= goal.atMost }
  })
}

function named({ figure }: Goal, value: number, goal: string) {
  return { figure, goal, value }
}
