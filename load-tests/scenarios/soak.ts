/** The steady rate for long: what leaks, and what grows. */
import { soakSeconds, steadyLoad } from './profile.ts'
import { scenarioOf } from './scenario.ts'

export const { options, employer, candidate, handleSummary } = scenarioOf('soak', settings =>
  steadyLoad(settings, soakSeconds),
)
