/** Ten times the steady load for five minutes, while things break (see `npm run storm`), and back. */
import { nightOf } from './night.ts'
import { threeInTheMorning } from './profile.ts'

export const { options, employer, candidate, handleSummary } = nightOf(
  'three-in-the-morning',
  threeInTheMorning,
)
