import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Background } from './background.ts'
import type { Dials } from './fault-settings.ts'
import { limits } from './limits.ts'
import type { Deed } from './payment-intent.ts'
import type { TruthLog } from './provider-log.ts'
import type { SendCallback } from './send-webhook.ts'
import { callbackFacts } from './send-webhook.ts'
import type { UntoldDeed, UntoldDeeds } from './undelivered-webhooks.ts'

/** Tells somebody about everything that was done, at least once or until it gives up. */
export type Callbacks = Readonly<{
  /** The mark on what shall be told, under which it is told every time. */
  newEventId: () => string
  /** Sends the callback of what was just done, or what an earlier process left untold. */
  begin: (owed: UntoldDeed) => void
  /** With the dial for it: waits until the first attempt to tell it ended, or too long. */
  beforeAnswer: (deed: Deed) => Promise<void>
}>

export type CallbacksDeps = Readonly<{
  dials: Dials
  untold: UntoldDeeds
  background: Background
  send: SendCallback
  truth: Pick<TruthLog, 'append'>
  /** Aborted when the process stops. */
  stop: AbortSignal
}>

/** Decides when each callback is sent, and in which order. */
export function createCallbacks(deps: CallbacksDeps): Callbacks {
  const { dials, untold, background, stop } = deps
  /** The one of a pair that came first and is sent second. */
  let held: Readonly<{ owed: UntoldDeed; callOff: () => void }> | undefined

  /** Sends it now, and again later until it is told or given up. */
  async function attempt(owed: UntoldDeed): Promise<void> {
    const { attempts } = untold.tried(owed.eventId)
    const copies = attempts === 0 ? dials.read().callbackDuplicates : 0
    await deps.send(owed, copies)
    owed.tried.resolve()
    if (stop.aborted || untold.find(owed.eventId) === undefined) return
    attemptLater(owed)
  }

  /** When its pause is over, which may have been while no process ran. */
  function attemptLater(owed: UntoldDeed): void {
    const { attempts, lastAt } = untold.tried(owed.eventId)
    const inMs = Math.max(0, lastAt + backoffMs(attempts) - Date.now())
    background.later(inMs, () => attempt(owed))
  }

  /** Sends it, or holds it back until there is another one to send before it. */
  async function sendInPairs(owed: UntoldDeed): Promise<void> {
    if (!dials.read().callbackShuffle) return await attempt(owed)
    if (held === undefined) {
      const { callOff } = background.later(limits.callbackPairWaitMs, () => {
        held = undefined
        return attempt(owed)
      })
      held = { owed, callOff }
      return
    }
    const first = held
    held = undefined
    first.callOff()
    await attempt(owed)
    await attempt(first.owed)
  }

  /** Nobody will be told of it. */
  async function drop(owed: UntoldDeed): Promise<void> {
    await deps.truth.append({ type: 'callback.dropped', ...callbackFacts(owed) })
    owed.tried.resolve()
  }

  return {
    newEventId: () => `evt_${randomBytes(12).toString('hex')}`,
    begin(owed) {
      const { attempts } = untold.tried(owed.eventId)
      const { callbackEarly, callbackDelayMs } = dials.read()
      if (attempts > 0) attemptLater(owed)
      else if (dials.dropsCallback()) background.begin(() => drop(owed))
      else if (callbackEarly) background.begin(() => attempt(owed))
      else background.later(callbackDelayMs, () => sendInPairs(owed))
    },
    async beforeAnswer({ line: { eventId = '' } }) {
      const owed = untold.find(eventId)
      if (owed === undefined || !dials.read().callbackEarly) return
      const enough = new AbortController()
      const signal = AbortSignal.any([enough.signal, stop])
      const tooLong = sleep(limits.callbackEarlyMaxMs, undefined, { signal })
      await Promise.race([owed.tried.promise, tooLong])
      enough.abort()
    },
  }
}

function backoffMs(attempts: number): number {
  return Math.min(limits.callbackBackoffMs * 2 ** (attempts - 1), limits.callbackBackoffMaxMs)
}
