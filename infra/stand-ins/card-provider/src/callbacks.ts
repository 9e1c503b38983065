import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Background } from './background.ts'
import type { Dials } from './dials.ts'
import { limits } from './limits.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { SendCallback } from './send-callback.ts'
import { callbackFacts } from './send-callback.ts'
import type { TruthLog } from './truth-log.ts'
import type { UntoldCharge, UntoldCharges } from './untold-charges.ts'

/** Tells somebody about every decided charge, at least once or until it gives up. */
export type Callbacks = Readonly<{
  /** The mark on a charge that shall be told of, under which it is told every time. */
  newEventId: () => string
  /** Sends the callback of a charge that was just decided, or that an earlier process left. */
  begin: (charge: UntoldCharge) => void
  /** With the dial for it: waits until the first attempt for this charge ended, or too long. */
  beforeAnswer: (intent: PaymentIntent) => Promise<void>
}>

export type CallbacksDeps = Readonly<{
  dials: Dials
  untold: UntoldCharges
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
  let held: Readonly<{ charge: UntoldCharge; callOff: () => void }> | undefined

  /** Sends it now, and again later until it is told or given up. */
  async function attempt(charge: UntoldCharge): Promise<void> {
    const { attempts } = untold.tried(charge.eventId)
    const copies = attempts === 0 ? dials.read().callbackDuplicates : 0
    await deps.send(charge, copies)
    charge.tried.resolve()
    if (stop.aborted || untold.find(charge.eventId) === undefined) return
    attemptLater(charge)
  }

  /** When its pause is over, which may have been while no process ran. */
  function attemptLater(charge: UntoldCharge): void {
    const { attempts, lastAt } = untold.tried(charge.eventId)
    const inMs = Math.max(0, lastAt + backoffMs(attempts) - Date.now())
    background.later(inMs, () => attempt(charge))
  }

  /** Sends it, or holds it back until there is another one to send before it. */
  async function sendInPairs(charge: UntoldCharge): Promise<void> {
    if (!dials.read().callbackShuffle) return await attempt(charge)
    if (held === undefined) {
      const { callOff } = background.later(limits.callbackPairWaitMs, () => {
        held = undefined
        return attempt(charge)
      })
      held = { charge, callOff }
      return
    }
    const first = held
    held = undefined
    first.callOff()
    await attempt(charge)
    await attempt(first.charge)
  }

  /** Nobody will be told of this charge. */
  async function drop(charge: UntoldCharge): Promise<void> {
    await deps.truth.append({ type: 'callback.dropped', ...callbackFacts(charge) })
    charge.tried.resolve()
  }

  return {
    newEventId: () => `evt_${randomBytes(12).toString('hex')}`,
    begin(charge) {
      const { attempts } = untold.tried(charge.eventId)
      const { callbackEarly, callbackDelayMs } = dials.read()
      if (attempts > 0) attemptLater(charge)
      else if (dials.dropsCallback()) background.begin(() => drop(charge))
      else if (callbackEarly) background.begin(() => attempt(charge))
      else background.later(callbackDelayMs, () => sendInPairs(charge))
    },
    async beforeAnswer({ eventId = '' }) {
      const charge = untold.find(eventId)
      if (charge === undefined || !dials.read().callbackEarly) return
      const enough = new AbortController()
      const signal = AbortSignal.any([enough.signal, stop])
      const tooLong = sleep(limits.callbackEarlyMaxMs, undefined, { signal })
      await Promise.race([charge.tried.promise, tooLong])
      enough.abort()
    },
  }
}

function backoffMs(attempts: number): number {
  return Math.min(limits.callbackBackoffMs * 2 ** (attempts - 1), limits.callbackBackoffMaxMs)
}
