import type { PaymentIntent } from './payment-intent.ts'
import type { TruthLine } from './truth-entry.ts'

/** A charge that somebody is to be told of. */
export type UntoldCharge = Readonly<{
  eventId: string
  intent: PaymentIntent
  /** Resolves when the first attempt to tell has ended, well or not. */
  tried: PromiseWithResolvers<void>
}>

export type UntoldCharges = Readonly<{
  /** Folds one line of the truth log in. Answers the charge that has to be told from now on. */
  apply: (line: TruthLine) => UntoldCharge | undefined
  find: (eventId: string) => UntoldCharge | undefined
  all: () => readonly UntoldCharge[]
  /** How often it was tried, and when last, in milliseconds since 1970. */
  tried: (eventId: string) => Readonly<{ attempts: number; lastAt: number }>
}>

/** The callbacks that are still owed: what the truth log says, before a restart and after. */
export function createUntoldCharges(): UntoldCharges {
  const untold = new Map<string, UntoldCharge>()
  const triedOf = new Map<string, Readonly<{ attempts: number; lastAt: number }>>()

  function forget(eventId: string): void {
    untold.delete(eventId)
    triedOf.delete(eventId)
  }

  return {
    apply(line) {
      switch (line.type) {
        case 'intent.succeeded':
        case 'intent.declined': {
          const { eventId } = line
          if (eventId === undefined) return undefined
          const charge = { eventId, intent: line, tried: Promise.withResolvers<void>() }
          untold.set(eventId, charge)
          return charge
        }
        case 'callback.sent':
          if (line.copy > 0) return undefined
          if (isTold(line)) forget(line.eventId)
          else {
            const { attempt: attempts, at } = line
            triedOf.set(line.eventId, { attempts, lastAt: Date.parse(at) })
          }
          return undefined
        case 'callback.dropped':
        case 'callback.abandoned':
          forget(line.eventId)
          return undefined
        default:
          return undefined
      }
    },
    find: eventId => untold.get(eventId),
    all: () => [...untold.values()],
    tried: eventId => triedOf.get(eventId) ?? { attempts: 0, lastAt: 0 },
  }
}

function isTold({ status = 0 }: Readonly<{ status?: number }>): boolean {
  return status >= 200 && status < 300
}
