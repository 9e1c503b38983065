import type { Dice } from '../../random-source.ts'
import { createDice } from '../../random-source.ts'
import type { SettingTable } from '../../settings-changes.ts'
import { limits } from './limits.ts'

/** The faults a person or an experiment can turn on. At rest there are none. */
export type FaultSettings = Readonly<{
  /** Share of mails answered 451 ("try again later"), 0 to 1. */
  refuseRate: number
  /** Waited before a mail is accepted or refused. */
  latencyMs: number
  /** `after`: mails are kept, and whoever sent them is told nothing. */
  silence: 'none' | 'after'
  /** Share of accepted mails the silence takes, 0 to 1. */
  silenceRate: number
  /** Where the dice start; setting it, even to the same value, starts them anew. */
  seed: number
}>

export const settingsAtRest: FaultSettings = {
  refuseRate: 0,
  latencyMs: 0,
  silence: 'none',
  silenceRate: 1,
  seed: 1,
}

/** Which settings are faults, for the log of all faults. */
export const settingTable: SettingTable<FaultSettings> = {
  party: 'mailbox',
  atRest: settingsAtRest,
  roles: {
    refuseRate: 'fault',
    latencyMs: 'fault',
    silence: 'fault',
    silenceRate: { shapes: 'silence' },
    seed: 'setting',
  },
}

const rate = { type: 'number', minimum: 0, maximum: 1 }

/** JSON Schema of a change: any of the settings, and nothing else. */
export const settingChangeSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    refuseRate: rate,
    latencyMs: { type: 'integer', minimum: 0, maximum: limits.latencyMaxMs },
    silence: { type: 'string', enum: ['none', 'after'] },
    silenceRate: rate,
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
  } satisfies Record<keyof FaultSettings, object>,
} as const

export type Settings = Readonly<{
  read: () => FaultSettings
  change: (change: Partial<FaultSettings>) => FaultSettings
  /** Every die is thrown for each mail, so the n-th mail meets the same luck in every run. */
  throwDice: () => Readonly<{ refused: boolean; silent: boolean; latencyMs: number }>
}>

/** The settings of one running mailbox, at rest to begin with. */
export function createSettings(): Settings {
  let settings = settingsAtRest
  let dice = openDice(settings.seed)

  return {
    read: () => settings,
    change(change) {
      settings = { ...settings, ...change }
      if (change.seed !== undefined) dice = openDice(change.seed)
      return settings
    },
    throwDice() {
      const silent = dice.silence() < settings.silenceRate && settings.silence === 'after'
      const refused = dice.refusal() < settings.refuseRate
      return { refused, silent, latencyMs: settings.latencyMs }
    },
  }
}

function openDice(seed: number): Readonly<Record<'refusal' | 'silence', Dice>> {
  return { refusal: createDice(seed), silence: createDice(seed, 1) }
}
