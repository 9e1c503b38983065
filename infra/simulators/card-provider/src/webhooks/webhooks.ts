import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Background } from '../background.ts'
import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { CompletedOperation } from '../operations/payment-intent.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { SendWebhook } from './send-webhook.ts'
import { webhookFacts } from './send-webhook.ts'
import type { UndeliveredWebhook, UndeliveredWebhooks } from './undelivered-webhooks.ts'

/** Sends a webhook for every operation, until it is delivered or abandoned. */
export type Webhooks = Readonly<{
  /** The id of an event is the same in every attempt to deliver it. */
  newEventId: () => string
  /** Starts to deliver a new webhook, or one that an earlier process left undelivered. */
  begin: (webhook: UndeliveredWebhook) => void
  /** With `webhookEarly`, waits until the first attempt has ended or a time limit has passed. */
  beforeAnswer: (completed: CompletedOperation) => Promise<void>
}>

export type WebhooksDeps = Readonly<{
  settings: Settings
  undelivered: UndeliveredWebhooks
  background: Background
  send: SendWebhook
  providerLog: Pick<ProviderLog, 'append'>
  /** The signal is aborted when the process stops. */
  stop: AbortSignal
}>

/** Decides when each webhook is sent, and in which order. */
export function createWebhooks(deps: WebhooksDeps): Webhooks {
  const { settings, undelivered, background, stop } = deps
  /** The webhook of a pair that came first and is sent second. */
  let first: Readonly<{ webhook: UndeliveredWebhook; cancel: () => void }> | undefined

  /** Makes an attempt now, and schedules the next one unless this was the last. */
  async function attempt(webhook: UndeliveredWebhook): Promise<void> {
    const { count } = undelivered.attemptsOf(webhook.eventId)
    const copies = count === 0 ? settings.read().webhookDuplicates : 0
    await deps.send(webhook, copies)
    webhook.firstAttempt.resolve()
    if (stop.aborted || undelivered.find(webhook.eventId) === undefined) return
    attemptLater(webhook)
  }

  /** Waits for the rest of the pause, which may already have passed while no process ran. */
  function attemptLater(webhook: UndeliveredWebhook): void {
    const { count, lastAt } = undelivered.attemptsOf(webhook.eventId)
    const inMs = Math.max(0, lastAt + backoffMs(count) - Date.now())
    background.later(inMs, () => attempt(webhook))
  }

  /** With `webhookShuffle`, waits for another webhook and sends that one before this one. */
  async function sendInPairs(webhook: UndeliveredWebhook): Promise<void> {
    if (!settings.read().webhookShuffle) return await attempt(webhook)
    if (first === undefined) {
      const { cancel } = background.later(limits.webhookPairWaitMs, () => {
        first = undefined
        return attempt(webhook)
      })
      first = { webhook, cancel }
      return
    }
    const earlier = first
    first = undefined
    earlier.cancel()
    await attempt(webhook)
    await attempt(earlier.webhook)
  }

  async function drop(webhook: UndeliveredWebhook): Promise<void> {
    await deps.providerLog.append({ type: 'webhook.dropped', ...webhookFacts(webhook) })
    webhook.firstAttempt.resolve()
  }

  return {
    newEventId: () => `evt_${randomBytes(12).toString('hex')}`,
    begin(webhook) {
      const { count } = undelivered.attemptsOf(webhook.eventId)
      const { webhookEarly, webhookDelayMs } = settings.read()
      if (count > 0) attemptLater(webhook)
      else if (settings.drawWebhookDrop()) background.begin(() => drop(webhook))
      else if (webhookEarly) background.begin(() => attempt(webhook))
      else background.later(webhookDelayMs, () => sendInPairs(webhook))
    },
    async beforeAnswer({ line: { eventId = '' } }) {
      const webhook = undelivered.find(eventId)
      if (webhook === undefined || !settings.read().webhookEarly) return
      const attempted = new AbortController()
      const signal = AbortSignal.any([attempted.signal, stop])
      const timeout = sleep(limits.webhookEarlyMaxMs, undefined, { signal })
      await Promise.race([webhook.firstAttempt.promise, timeout])
      attempted.abort()
    },
  }
}

function backoffMs(attempts: number): number {
  return Math.min(limits.webhookBackoffMs * 2 ** (attempts - 1), limits.webhookBackoffMaxMs)
}
