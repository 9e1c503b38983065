import { createGate } from './gate.ts'
import { limits } from './limits.ts'
import type { CallbackEndpoint } from './post-webhook.ts'
import { postCallback } from './post-webhook.ts'
import type { TruthLog } from './provider-log.ts'
import type { CallbackFacts } from './provider-log-entry.ts'
import type { UntoldDeed, UntoldDeeds } from './undelivered-webhooks.ts'

/** Makes one attempt with so many copies beside it. How each ended is on disk when it resolves. */
export type SendCallback = (owed: UntoldDeed, copies: number) => Promise<void>

/** Sends and writes down, and gives a callback up after too many attempts or too long a time. */
export function sendCallback(
  endpoint: CallbackEndpoint,
  truth: Pick<TruthLog, 'append'>,
  untold: UntoldDeeds,
  stop: AbortSignal,
): SendCallback {
  const inTurn = createGate(limits.callbacksInFlightMax)

  return async (owed, copies) => {
    const { eventId, deed } = owed
    const facts = callbackFacts(owed)
    const attempt = untold.tried(eventId).attempts + 1
    const sends = Array.from({ length: 1 + copies }, async (_, copy) => {
      const answer = await inTurn(() => postCallback(endpoint, eventId, deed, stop))
      // Broken off, it may have arrived or not: the next process sends it again.
      if (stop.aborted) return
      await truth.append({ type: 'callback.sent', ...facts, attempt, copy, ...answer })
    })
    await Promise.all(sends)
    if (stop.aborted || untold.find(eventId) === undefined) return
    const isLate = Date.now() - Date.parse(deed.line.at) > limits.callbackWindowMs
    if (attempt < limits.callbackTriesMax && !isLate) return
    const cause = isLate ? 'window' : 'tries'
    await truth.append({ type: 'callback.abandoned', ...facts, attempt, cause })
  }
}

/** The metadata go along, so that the lines of a payment hold its callbacks, too. */
export function callbackFacts({ eventId, deed }: UntoldDeed): CallbackFacts {
  const { intentId, metadata } = deed.line
  return { eventId, intentId, metadata }
}
