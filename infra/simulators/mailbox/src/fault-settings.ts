import { Type } from 'typebox'
import { createRandomSource, type RandomSource } from '../../random-source.ts'
import type { SettingTable } from '../../setting-notes.ts'
import { limits } from './limits.ts'

const Rate = Type.Number({ minimum: 0, maximum: 1 })

/** A person or an experiment can set these faults. The README describes each of them. */
const FaultSettings = Type.Object({
  refuseRate: Rate,
  refuseFor: Type.Enum(['now', 'good']),
  latencyMs: Type.Integer({ minimum: 0, maximum: limits.latencyMaxMs }),
  silence: Type.Enum(['none', 'after']),
  silenceRate: Rate,
  seed: Type.Integer({ minimum: 0, maximum: 2 ** 32 - 1 }),
})
export type FaultSettings = Readonly<Type.Static<typeof FaultSettings>>

/** A change has any of the settings and nothing else. */
export const SettingsChange = Type.Partial(FaultSettings, { additionalProperties: false })

export const defaultSettings: FaultSettings = {
  refuseRate: 0,
  refuseFor: 'now',
  latencyMs: 0,
  silence: 'none',
  silenceRate: 1,
  seed: 1,
}

export const settingTable: SettingTable<FaultSettings> = {
  simulator: 'mailbox',
  defaults: defaultSettings,
  roles: {
    refuseRate: 'fault',
    refuseFor: { refines: 'refuseRate' },
    latencyMs: 'fault',
    silence: 'fault',
    silenceRate: { refines: 'silence' },
    seed: 'no-fault',
  },
}

/** One mail meets these faults. */
export type MailFaults = Readonly<{
  /** Unset: it is not refused. */
  refusedFor?: FaultSettings['refuseFor']
  silent: boolean
  latencyMs: number
}>

export type Settings = Readonly<{
  read: () => FaultSettings
  change: (change: Partial<FaultSettings>) => FaultSettings
  /** Draws all numbers for each mail, so the n-th mail meets the same faults in every run. */
  drawFaults: () => MailFaults
}>

/** Creates the settings of one running mailbox, with their defaults. */
export function createSettings(): Settings {
  let settings = defaultSettings
  let sources = openSources(settings.seed)

  return {
    read: () => settings,
    change(change) {
      settings = { ...settings, ...change }
      if (change.seed !== undefined) sources = openSources(change.seed)
      return settings
    },
    drawFaults() {
      const silent = sources.silence() < settings.silenceRate && settings.silence === 'after'
      const refused = sources.refusal() < settings.refuseRate
      const { latencyMs, refuseFor } = settings
      return { silent, latencyMs, ...(refused && { refusedFor: refuseFor }) }
    },
  }
}

function openSources(seed: number): Readonly<Record<'refusal' | 'silence', RandomSource>> {
  return { refusal: createRandomSource(seed), silence: createRandomSource(seed, 1) }
}
