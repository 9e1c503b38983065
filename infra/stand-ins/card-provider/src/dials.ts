import { createDice } from '../../dice.ts'
import { limits } from './limits.ts'

/** The faults a person or an experiment can turn on. At rest there are none. */
export type DialSettings = Readonly<{
  /** Added to every answer of /v1, before the charge is made. */
  latencyMs: number
  /** Spreads the latency by up to this much either way. */
  latencyJitterMs: number
  /** Share of good cards that are declined, 0 to 1. */
  declineRate: number
  /** `before`: charges are neither made nor answered. `after`: they are made, not answered. */
  silence: 'none' | 'before' | 'after'
  /** Share of charges the silence takes, 0 to 1. */
  silenceRate: number
  /** How long an idempotency key holds its answer. */
  keyWindowSeconds: number
  /** Where the dice start; setting it, even to the same value, starts them anew. */
  seed: number
}>

export const dialsAtRest: DialSettings = {
  latencyMs: 0,
  latencyJitterMs: 0,
  declineRate: 0,
  silence: 'none',
  silenceRate: 1,
  keyWindowSeconds: 24 * 60 * 60,
  seed: 1,
}

const milliseconds = { type: 'integer', minimum: 0, maximum: limits.latencyMaxMs }
const rate = { type: 'number', minimum: 0, maximum: 1 }

/** JSON Schema of a change: any of the dials, and nothing else. */
export const dialChangeSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    latencyMs: milliseconds,
    latencyJitterMs: milliseconds,
    declineRate: rate,
    silence: { type: 'string', enum: ['none', 'before', 'after'] },
    silenceRate: rate,
    keyWindowSeconds: { type: 'integer', minimum: 1, maximum: 30 * 24 * 60 * 60 },
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
  } satisfies Record<keyof DialSettings, object>,
} as const

/** What the dice and the dials say about one request. */
export type Luck = Readonly<{ latencyMs: number; declined: boolean; silent: boolean }>

export type Dials = Readonly<{
  read: () => DialSettings
  change: (change: Partial<DialSettings>) => DialSettings
  /** Always three throws, so the n-th request meets the same luck whichever dials are turned. */
  throwDice: () => Luck
}>

/** The dials of one running provider, at rest to begin with. */
export function createDials(): Dials {
  let settings = dialsAtRest
  let dice = createDice(settings.seed)

  return {
    read: () => settings,
    change(change) {
      settings = { ...settings, ...change }
      if (change.seed !== undefined) dice = createDice(change.seed)
      return settings
    },
    throwDice() {
      const spread = (dice() * 2 - 1) * settings.latencyJitterMs
      return {
        latencyMs: Math.max(0, Math.round(settings.latencyMs + spread)),
        declined: dice() < settings.declineRate,
        silent: dice() < settings.silenceRate,
      }
    },
  }
}
