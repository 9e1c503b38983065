/** Ten times the steady rate for five minutes, and back. `npm run storm` adds the faults. */
import { threeInTheMorning } from './profile.ts'
import { scenarioOf } from './scenario.ts'

export const { options, employer, candidate, handleSummary } = scenarioOf(
  'three-in-the-morning',
  threeInTheMorning,
)
