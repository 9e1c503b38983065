import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Background } from '../background.ts'
import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { Deed } from '../operations/payment-intent.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { SendWebhook } from './send-webhook.ts'
import { webhookFacts } from './send-webhook.ts'
import type { UntoldDeed, UntoldDeeds } from './undelivered-webhooks.ts'

/** Tells somebody about everything that was done, at least once or until it gives up. */
export type Webhooks = Readonly<{
  /** The mark on what shall be told, under which it is told every time. */
  newEventId: () => string
  /** Sends the webhook of what was just done, or what an earlier process left untold. */
  begin: (owed: UntoldDeed) => void
  /** With the setting for it: waits until the first attempt to tell it ended, or too long. */
  beforeAnswer: (deed: Deed) => Promise<void>
}>

export type WebhooksDeps = Readonly<{
  settings: Settings
  untold: UntoldDeeds
  background: Background
  send: SendWebhook
  truth: Pick<ProviderLog, 'append'>
  /** Aborted when the process stops. */
  stop: AbortSignal
}>

/** Decides when each webhook is sent, and in which order. */
export function createWebhooks(deps: WebhooksDeps): Webhooks {
  const { settings, untold, background, stop } = deps
  /** The one of a pair that came first and is sent second. */
  let held: Readonly<{ owed: UntoldDeed; callOff: () => void }> | undefined

  /** Sends it now, and again later until it is told or given up. */
  async function attempt(owed: UntoldDeed): Promise<void> {
    const { attempts } = untold.tried(owed.eventId)
    const copies = attempts === 0 ? settings.read().webhookDuplicates : 0
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
    if (!settings.read().webhookShuffle) return await attempt(owed)
    if (held === undefined) {
      const { callOff } = background.later(limits.webhookPairWaitMs, () => {
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
    await deps.truth.append({ type: 'webhook.dropped', ...webhookFacts(owed) })
    owed.tried.resolve()
  }

  return {
    newEventId: () => `evt_${randomBytes(12).toString('hex')}`,
    begin(owed) {
      const { attempts } = untold.tried(owed.eventId)
      const { webhookEarly, webhookDelayMs } = settings.read()
      if (attempts > 0) attemptLater(owed)
      else if (settings.dropsWebhook()) background.begin(() => drop(owed))
      else if (webhookEarly) background.begin(() => attempt(owed))
      else background.later(webhookDelayMs, () => sendInPairs(owed))
    },
    async beforeAnswer({ line: { eventId = '' } }) {
      const owed = untold.find(eventId)
      if (owed === undefined || !settings.read().webhookEarly) return
      const enough = new AbortController()
      const signal = AbortSignal.any([enough.signal, stop])
      const tooLong = sleep(limits.webhookEarlyMaxMs, undefined, { signal })
      await Promise.race([owed.tried.promise, tooLong])
      enough.abort()
    },
  }
}

function backoffMs(attempts: number): number {
  return Math.min(limits.webhookBackoffMs * 2 ** (attempts - 1), limits.webhookBackoffMaxMs)
}
