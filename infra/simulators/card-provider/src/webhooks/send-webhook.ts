import { limits } from '../limits.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import type { WebhookFacts } from '../log/provider-log-entry.ts'
import type { WebhookEndpoint } from './post-webhook.ts'
import { postWebhook } from './post-webhook.ts'
import type { UntoldDeed, UntoldDeeds } from './undelivered-webhooks.ts'

/** Makes one attempt with so many copies beside it. How each ended is on disk when it resolves. */
export type SendWebhook = (owed: UntoldDeed, copies: number) => Promise<void>

/** Sends and writes down, and gives a webhook up after too many attempts or too long a time. */
export function sendWebhook(
  endpoint: WebhookEndpoint,
  truth: Pick<ProviderLog, 'append'>,
  untold: UntoldDeeds,
  stop: AbortSignal,
): SendWebhook {
  const inTurn = createGate(limits.webhooksInFlightMax)

  return async (owed, copies) => {
    const { eventId, deed } = owed
    const facts = webhookFacts(owed)
    const attempt = untold.tried(eventId).attempts + 1
    const sends = Array.from({ length: 1 + copies }, async (_, copy) => {
      const answer = await inTurn(() => postWebhook(endpoint, eventId, deed, stop))
      // Broken off, it may have arrived or not: the next process sends it again.
      if (stop.aborted) return
      await truth.append({ type: 'webhook.sent', ...facts, attempt, copy, ...answer })
    })
    await Promise.all(sends)
    if (stop.aborted || untold.find(eventId) === undefined) return
    const isLate = Date.now() - Date.parse(deed.line.at) > limits.webhookWindowMs
    if (attempt < limits.webhookTriesMax && !isLate) return
    const cause = isLate ? 'window' : 'tries'
    await truth.append({ type: 'webhook.abandoned', ...facts, attempt, cause })
  }
}

/** The metadata go along, so that the lines of a payment hold its webhooks, too. */
export function webhookFacts({ eventId, deed }: UntoldDeed): WebhookFacts {
  const { intentId, metadata } = deed.line
  return { eventId, intentId, metadata }
}

/** Runs what it is given, at most `max` at one time; the rest wait their turn, as many as the caller lets. */
function createGate(max: number): <Answer>(run: () => Promise<Answer>) => Promise<Answer> {
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
