import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { WebhookFacts } from '../log/provider-log-entry.ts'
import type { WebhookEndpoint } from './post-webhook.ts'
import { postWebhook } from './post-webhook.ts'
import type { UndeliveredWebhook, UndeliveredWebhooks } from './undelivered-webhooks.ts'

/** Makes one attempt with so many extra copies. The result of each is on disk when this resolves. */
export type SendWebhook = (webhook: UndeliveredWebhook, copies: number) => Promise<void>

/** Sends webhooks and logs them, and abandons one after too many attempts or too long a time. */
export function sendWebhook(
  endpoint: WebhookEndpoint,
  providerLog: Pick<ProviderLog, 'append'>,
  undelivered: UndeliveredWebhooks,
  stop: AbortSignal,
): SendWebhook {
  const inTurn = limitConcurrency(limits.webhooksInFlightMax)

  return async (webhook, copies) => {
    const { eventId, completed } = webhook
    const facts = webhookFacts(webhook)
    const attempt = undelivered.attemptsOf(eventId).count + 1
    const sends = Array.from({ length: 1 + copies }, async (_, copy) => {
      const answer = await inTurn(() => postWebhook(endpoint, eventId, completed, stop))
      // An aborted webhook may have arrived or not, so the next process sends it again.
      if (stop.aborted) return
      await providerLog.append({ type: 'webhook.sent', ...facts, attempt, copy, ...answer })
    })
    await Promise.all(sends)
    if (stop.aborted || undelivered.find(eventId) === undefined) return
    const isLate = Date.now() - Date.parse(completed.line.at) > limits.webhookWindowMs
    if (attempt < limits.webhookTriesMax && !isLate) return
    const cause = isLate ? 'window' : 'tries'
    await providerLog.append({ type: 'webhook.abandoned', ...facts, attempt, cause })
  }
}

/** The metadata are included, so that the log lines of a payment contain its webhooks. */
export function webhookFacts({ eventId, completed }: UndeliveredWebhook): WebhookFacts {
  const { intentId, metadata } = completed.line
  return { eventId, intentId, metadata }
}

/** Runs at most `max` functions at a time. The others wait in the order of their calls. */
function limitConcurrency(max: number): <Answer>(run: () => Promise<Answer>) => Promise<Answer> {
  let free = max
  const waiting: (() => void)[] = []

  return async run => {
    if (free > 0) free -= 1
    else await new Promise<void>(resolve => waiting.push(resolve))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free += 1
      else next()
    }
  }
}
