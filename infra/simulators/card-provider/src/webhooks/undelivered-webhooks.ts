import type { ProviderLogLine } from '../log/provider-log-entry.ts'
import type { Deed } from '../operations/payment-intent.ts'

/** Something that was done and that somebody is to be told of. */
export type UntoldDeed = Readonly<{
  eventId: string
  deed: Deed
  /** Resolves when the first attempt to tell has ended, well or not. */
  tried: PromiseWithResolvers<void>
}>

export type UntoldDeeds = Readonly<{
  /** Folds one line of the provider log in: something was done, or how it was told. */
  apply: (line: ProviderLogLine, deed: Deed | undefined) => UntoldDeed | undefined
  find: (eventId: string) => UntoldDeed | undefined
  all: () => readonly UntoldDeed[]
  /** How often it was tried, and when last, in milliseconds since 1970. */
  tried: (eventId: string) => Readonly<{ attempts: number; lastAt: number }>
}>

/** The webhooks that are still owed: what the provider log says, before a restart and after. */
export function createUntoldDeeds(): UntoldDeeds {
  const untold = new Map<string, UntoldDeed>()
  const triedOf = new Map<string, Readonly<{ attempts: number; lastAt: number }>>()

  function forget(eventId: string): void {
    untold.delete(eventId)
    triedOf.delete(eventId)
  }

  function add(deed: Deed): UntoldDeed | undefined {
    const { eventId } = deed.line
    if (eventId === undefined) return undefined
    const one = { eventId, deed, tried: Promise.withResolvers<void>() }
    untold.set(eventId, one)
    return one
  }

  return {
    apply(line, deed) {
      if (deed !== undefined) return add(deed)
      switch (line.type) {
        case 'webhook.sent':
          if (line.copy > 0) return undefined
          if (isTold(line)) forget(line.eventId)
          else {
            const { attempt: attempts, at } = line
            triedOf.set(line.eventId, { attempts, lastAt: Date.parse(at) })
          }
          return undefined
        case 'webhook.dropped':
        case 'webhook.abandoned':
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
