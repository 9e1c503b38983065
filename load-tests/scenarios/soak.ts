/** Half an hour at the steady rate, because a leak shows only after a while. */
import { steadyLoad } from './profile.ts'
import { scenarioOf } from './scenario.ts'

const defaultSeconds = 1_800

export const { options, employer, candidate, handleSummary } = scenarioOf('soak', settings =>
  steadyLoad(settings, defaultSeconds),
)
