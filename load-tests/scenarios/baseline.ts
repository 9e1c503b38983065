/** The steady rate: all other scenarios are compared with this one. */
import { steadyLoad } from './profile.ts'
import { scenarioOf } from './scenario.ts'

const defaultSeconds = 60

export const { options, employer, candidate, handleSummary } = scenarioOf('baseline', settings =>
  steadyLoad(settings, defaultSeconds),
)
