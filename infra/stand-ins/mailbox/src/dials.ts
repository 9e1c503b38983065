import { createDice } from '../../dice.ts'
import { limits } from './limits.ts'

/** The faults a person or an experiment can turn on. At rest there are none. */
export type DialSettings = Readonly<{
  /** Share of mails answered 451 ("try again later"), 0 to 1. */
  refuseRate: number
  /** Waited before a mail is accepted or refused. */
  latencyMs: number
  /** Where the dice start; setting it, even to the same value, starts them anew. */
  seed: number
}>

export const dialsAtRest: DialSettings = { refuseRate: 0, latencyMs: 0, seed: 1 }

/** JSON Schema of a change: any of the dials, and nothing else. */
export const dialChangeSchema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    refuseRate: { type: 'number', minimum: 0, maximum: 1 },
    latencyMs: { type: 'integer', minimum: 0, maximum: limits.latencyMaxMs },
    seed: { type: 'integer', minimum: 0, maximum: 2 ** 32 - 1 },
  } satisfies Record<keyof DialSettings, object>,
} as const

export type Dials = Readonly<{
  read: () => DialSettings
  change: (change: Partial<DialSettings>) => DialSettings
  /** One throw for each mail, so the n-th mail meets the same luck in every run. */
  throwDice: () => Readonly<{ refused: boolean; latencyMs: number }>
}>

/** The dials of one running mailbox, at rest to begin with. */
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
    throwDice: () => ({ refused: dice() < settings.refuseRate, latencyMs: settings.latencyMs }),
  }
}
