import { Type } from 'typebox'
import { createRandomSource, type RandomSource } from '../../../random-source.ts'
import type { SettingTable } from '../../../setting-notes.ts'
import { limits } from '../limits.ts'

const Rate = Type.Number({ minimum: 0, maximum: 1 })
const upTo = (maximum: number) => Type.Integer({ minimum: 0, maximum })
const keyWindowSecondsMax = 30 * 24 * 60 * 60

/** A person or an experiment can set these faults. The README describes each of them. */
const FaultSettings = Type.Object({
  latencyMs: upTo(limits.latencyMaxMs),
  latencyJitterMs: upTo(limits.latencyMaxMs),
  declineRate: Rate,
  silence: Type.Enum(['none', 'before', 'after']),
  silenceRate: Rate,
  errorAfterRate: Rate,
  lateMs: upTo(limits.lateMaxMs),
  lateRate: Rate,
  dripMs: upTo(limits.dripMaxMs),
  dripRate: Rate,
  quotaPerSecond: upTo(limits.quotaPerSecondMax),
  quotaBurst: upTo(limits.quotaBurstMax),
  webhookDelayMs: upTo(limits.webhookDelayMaxMs),
  webhookDuplicates: upTo(limits.webhookDuplicatesMax),
  webhookEarly: Type.Boolean(),
  webhookShuffle: Type.Boolean(),
  webhookDropRate: Rate,
  keyWindowSeconds: Type.Integer({ minimum: 1, maximum: keyWindowSecondsMax }),
  seed: upTo(2 ** 32 - 1),
})
export type FaultSettings = Readonly<Type.Static<typeof FaultSettings>>

/** A change has any of the settings and nothing else. */
export const SettingsChange = Type.Partial(FaultSettings, { additionalProperties: false })

/** By default there are no faults. */
export const defaultSettings: FaultSettings = {
  latencyMs: 0,
  latencyJitterMs: 0,
  declineRate: 0,
  silence: 'none',
  silenceRate: 1,
  errorAfterRate: 0,
  lateMs: 0,
  lateRate: 1,
  dripMs: 0,
  dripRate: 1,
  quotaPerSecond: 0,
  quotaBurst: 0,
  webhookDelayMs: 0,
  webhookDuplicates: 0,
  webhookEarly: false,
  webhookShuffle: false,
  webhookDropRate: 0,
  keyWindowSeconds: 24 * 60 * 60,
  seed: 1,
}

export const settingTable: SettingTable<FaultSettings> = {
  simulator: 'card-provider',
  defaults: defaultSettings,
  roles: {
    latencyMs: 'fault',
    latencyJitterMs: 'fault',
    declineRate: 'fault',
    silence: 'fault',
    silenceRate: { refines: 'silence' },
    errorAfterRate: 'fault',
    lateMs: 'fault',
    lateRate: { refines: 'lateMs' },
    dripMs: 'fault',
    dripRate: { refines: 'dripMs' },
    // A quota is a rule that a provider enforces every day.
    quotaPerSecond: 'no-fault',
    quotaBurst: 'no-fault',
    webhookDelayMs: 'fault',
    webhookDuplicates: 'fault',
    webhookEarly: 'fault',
    webhookShuffle: 'fault',
    webhookDropRate: 'fault',
    keyWindowSeconds: 'no-fault',
    seed: 'no-fault',
  },
}

/** One request meets these faults. */
export type RequestFaults = Readonly<{
  latencyMs: number
  declined: boolean
  silent: boolean
  error: boolean
  /** 0 means that the request is executed at once. */
  lateMs: number
  /** 0 means that the answer is sent in one piece. */
  dripMs: number
}>

export type Settings = Readonly<{
  read: () => FaultSettings
  change: (change: Partial<FaultSettings>) => FaultSettings
  /**
   * Draws all numbers for every request, so that the n-th request meets the same faults whichever
   * other settings are changed.
   */
  drawFaults: () => RequestFaults
  /** Decides whether the next webhook is lost. Webhooks draw from their own random source. */
  drawWebhookDrop: () => boolean
}>

/** Creates the settings of one running provider, with their defaults. */
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
      const spread = (sources.charge() * 2 - 1) * settings.latencyJitterMs
      return {
        latencyMs: Math.max(0, Math.round(settings.latencyMs + spread)),
        declined: sources.charge() < settings.declineRate,
        silent: sources.charge() < settings.silenceRate,
        error: sources.error() < settings.errorAfterRate,
        lateMs: sources.late() < settings.lateRate ? settings.lateMs : 0,
        dripMs: sources.drip() < settings.dripRate ? settings.dripMs : 0,
      }
    },
    drawWebhookDrop: () => sources.webhook() < settings.webhookDropRate,
  }
}

type SourceName = 'charge' | 'error' | 'late' | 'drip' | 'webhook'

function openSources(seed: number): Readonly<Record<SourceName, RandomSource>> {
  const source = (stream: number) => createRandomSource(seed, stream)
  return {
    charge: source(0),
    error: source(1),
    late: source(2),
    drip: source(3),
    webhook: source(4),
  }
}
