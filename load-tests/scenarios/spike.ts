/** A crowd that comes within seconds, and leaves within seconds. */
import { nightOf } from './night.ts'
import { suddenCrowd } from './profile.ts'

const defaultSeconds = 60

export const { options, employer, candidate, handleSummary } = nightOf('spike', settings =>
  suddenCrowd(settings, defaultSeconds),
)
