/** An ordinary night: what everything else is compared with. */
import { nightOf } from './night.ts'
import { steadyNight } from './profile.ts'

const defaultSeconds = 60

export const { options, employer, candidate, handleSummary } = nightOf('baseline', settings =>
  steadyNight(settings, defaultSeconds),
)
