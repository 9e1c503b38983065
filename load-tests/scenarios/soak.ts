/** Half an hour of ordinary nights: what leaks, grows. */
import { nightOf } from './night.ts'
import { steadyNight } from './profile.ts'

const defaultSeconds = 1_800

export const { options, employer, candidate, handleSummary } = nightOf('soak', settings =>
  steadyNight(settings, defaultSeconds),
)
