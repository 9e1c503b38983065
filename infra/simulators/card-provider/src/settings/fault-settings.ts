import type { RandomSource } from '../../../random-source.ts'
import { createRandomSource } from '../../../random-source.ts'
import type { SettingTable } from '../../../setting-notes.ts'
import { limits } from '../limits.ts'

/** The faults a person or an experiment can turn on. At rest there are none. */
export type FaultSettings = Readonly<{
  /** Added to every answer of /v1, before what is asked for is done. */
  latencyMs: number
  /** Spreads the latency by up to this much either way. */
  latencyJitterMs: number
  /** Share of good cards that are declined, 0 to 1. */
  declineRate: number
  /** `before`: requests are neither carried out nor answered. `after`: carried out, not answered. */
  silence: 'none' | 'before' | 'after'
  /** Share of requests the silence takes, 0 to 1. */
  silenceRate: number
  /** Share of requests that are carried out and answered with a 500, 0 to 1. */
  errorAfterRate: number
  /** Requests are executed this much later, and never answered; 0 is off. */
  lateMs: number
  /** Share of requests that are late, 0 to 1. */
  lateRate: number
  /** Answers to POSTs come byte by byte, so far apart; 0 is at once. */
  dripMs: number
  /** Share of answers that drip, 0 to 1. */
  dripRate: number
  /** POSTs that are let in per second, beyond the burst; 0 is no quota. */
  quotaPerSecond: number
  /** Requests let in at once after a pause; 0: one second's worth. */
  quotaBurst: number
  /** Webhooks are sent this much later. */
  webhookDelayMs: number
  /** Each webhook is sent so many times more than needed. */
  webhookDuplicates: number
  /** The webhook comes before the answer to the request that it is about. */
  webhookEarly: boolean
  /** Webhooks are sent in pairs, the later one first. */
  webhookShuffle: boolean
  /** Share of webhooks that are never sent, 0 to 1. */
  webhookDropRate: number
  /** How long an idempotency key holds its answer. */
  keyWindowSeconds: number
  /** Where the dice start; setting it, even to the same value, starts them anew. */
  seed: number
}>

export const settingsAtRest: FaultSettings = {
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

/** Which settings are faults, for the log of all faults. */
export const settingTable: SettingTable<FaultSettings> = {
  simulator: 'card-provider',
  defaults: settingsAtRest,
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
    // A rule of the provider's, in force every day.
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

const rate = { type: 'number', minimum: 0, maximum: 1 }
const upTo = (maximum: number) => ({ type: 'integer', minimum: 0, maximum })

/** JSON Schema of a change: any of the settings, and nothing else. */
export const settingChangeSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    latencyMs: upTo(limits.latencyMaxMs),
    latencyJitterMs: upTo(limits.latencyMaxMs),
    declineRate: rate,
    silence: { type: 'string', enum: ['none', 'before', 'after'] },
    silenceRate: rate,
    errorAfterRate: rate,
    lateMs: upTo(limits.lateMaxMs),
    lateRate: rate,
    dripMs: upTo(limits.dripMaxMs),
    dripRate: rate,
    quotaPerSecond: upTo(limits.quotaPerSecondMax),
    quotaBurst: upTo(limits.quotaBurstMax),
    webhookDelayMs: upTo(limits.webhookDelayMaxMs),
    webhookDuplicates: upTo(limits.webhookDuplicatesMax),
    webhookEarly: { type: 'boolean' },
    webhookShuffle: { type: 'boolean' },
    webhookDropRate: rate,
    keyWindowSeconds: { type: 'integer', minimum: 1, maximum: 30 * 24 * 60 * 60 },
    seed: upTo(2 ** 32 - 1),
  } satisfies Record<keyof FaultSettings, object>,
} as const

/** What the dice and the settings say about one request. */
export type Luck = Readonly<{
  latencyMs: number
  declined: boolean
  silent: boolean
  error: boolean
  /** 0: at once. */
  lateMs: number
  /** 0: in one piece. */
  dripMs: number
}>

export type Settings = Readonly<{
  read: () => FaultSettings
  change: (change: Partial<FaultSettings>) => FaultSettings
  /**
   * Every die is thrown for every request, so the n-th request meets the same luck whichever settings
   * are turned.
   */
  throwDice: () => Luck
  /** Whether the next webhook is lost. Its die is thrown for every webhook, and for nothing else. */
  dropsWebhook: () => boolean
}>

/** The settings of one running provider, at rest to begin with. */
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
      const spread = (dice.charge() * 2 - 1) * settings.latencyJitterMs
      return {
        latencyMs: Math.max(0, Math.round(settings.latencyMs + spread)),
        declined: dice.charge() < settings.declineRate,
        silent: dice.charge() < settings.silenceRate,
        error: dice.error() < settings.errorAfterRate,
        lateMs: dice.late() < settings.lateRate ? settings.lateMs : 0,
        dripMs: dice.drip() < settings.dripRate ? settings.dripMs : 0,
      }
    },
    dropsWebhook: () => dice.webhook() < settings.webhookDropRate,
  }
}

type Die = 'charge' | 'error' | 'late' | 'drip' | 'webhook'

function openDice(seed: number): Readonly<Record<Die, RandomSource>> {
  const die = (place: number) => createRandomSource(seed, place)
  return { charge: die(0), error: die(1), late: die(2), drip: die(3), webhook: die(4) }
}
