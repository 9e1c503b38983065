import { SharedArray } from 'k6/data'
import { optionsFor } from './options.ts'
import { arrivalsOf, type Phase } from './profile.ts'
import { readSettings, type Settings } from './settings.ts'
import { type SummaryData, summaryOf } from './summary.ts'
import { visitorsOf } from './visitors.ts'

/** Everything that k6 needs from a script, for a run through these phases. */
export function scenarioOf(name: string, phasesOf: (settings: Settings) => Phase[]) {
  const settings = readSettingsOnce()
  const phases = phasesOf(settings)
  const arrivals = arrivalsOf(phases, settings.browseShare)
  const summaryFile = __ENV['SUMMARY_FILE'] || 'summary.json'
  return {
    ...visitorsOf(settings, phases, arrivals),
    // k6 reads the options once. Thousands of virtual users would only waste memory on them.
    options: __VU === 0 ? optionsFor(phases, arrivals) : {},
    handleSummary: (data: SummaryData) => ({
      [summaryFile]: `${JSON.stringify(summaryOf(name, settings, phases, data), null, 2)}\n`,
    }),
  }
}

/** Every virtual user runs the whole script, but all of them share one parsed copy of the settings. */
function readSettingsOnce(): Settings {
  const [settings] = new SharedArray('settings', () => [readSettings(__ENV)])
  if (settings === undefined) throw new Error('k6 lost the settings')
  return settings
}
