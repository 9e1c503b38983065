/** Ten times the steady rate within seconds, and back within seconds. */
import { spikeLoad } from './profile.ts'
import { scenarioOf } from './scenario.ts'

const defaultSeconds = 60

export const { options, employer, candidate, handleSummary } = scenarioOf('spike', settings =>
  spikeLoad(settings, defaultSeconds),
)
