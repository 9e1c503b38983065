import { SharedArray } from 'k6/data'
import { optionsFor } from './options.ts'
import { arrivalsOf, type Phase } from './profile.ts'
import { readSettings, type Settings } from './settings.ts'
import { type SummaryData, summaryOf } from './summary.ts'
import { peopleOf } from './user.ts'

/** Everything that k6 asks of a script, for a run through these phases. */
export function nightOf(scenario: string, phasesOf: (settings: Settings) => Phase[]) {
  const settings = readSettingsOnce()
  const phases = phasesOf(settings)
  const arrivals = arrivalsOf(phases, settings.browseShare)
  const summaryFile = __ENV['SUMMARY_FILE'] || 'summary.json'
  return {
    ...peopleOf(settings, phases, arrivals),
    // Asked of the script once; made for each of thousands of virtual users, it costs memory.
    options: __VU === 0 ? optionsFor(phases, arrivals) : {},
    handleSummary: (data: SummaryData) => ({
      [summaryFile]: `${JSON.stringify(summaryOf(scenario, settings, phases, data), null, 2)}\n`,
    }),
  }
}

/** Once for all virtual users: every one of them runs the whole script. */
function readSettingsOnce(): Settings {
  const [settings] = new SharedArray('settings', () => [readSettings(__ENV)])
  if (settings === undefined) throw new Error('k6 lost the settings')
  return settings
}
