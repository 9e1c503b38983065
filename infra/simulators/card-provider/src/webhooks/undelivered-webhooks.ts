import type { ProviderLogLine } from '../log/provider-log-entry.ts'
import type { CompletedOperation } from '../operations/payment-intent.ts'

/** This webhook is due and not delivered yet. */
export type UndeliveredWebhook = Readonly<{
  eventId: string
  completed: CompletedOperation
  /** Resolves when the first attempt has ended, whether it succeeded or not. */
  firstAttempt: PromiseWithResolvers<void>
}>

export type UndeliveredWebhooks = Readonly<{
  /** Applies one line of the provider log, which adds a webhook, counts an attempt or ends one. */
  apply: (
    line: ProviderLogLine,
    completed: CompletedOperation | undefined,
  ) => UndeliveredWebhook | undefined
  find: (eventId: string) => UndeliveredWebhook | undefined
  all: () => readonly UndeliveredWebhook[]
  /** Answers the attempts so far, and the time of the last one in milliseconds since 1970. */
  attemptsOf: (eventId: string) => Attempts
}>

type Attempts = Readonly<{ count: number; lastAt: number }>

/** Holds only what the provider log says, so it is the same before a restart and after. */
export function createUndeliveredWebhooks(): UndeliveredWebhooks {
  const undelivered = new Map<string, UndeliveredWebhook>()
  const attempts = new Map<string, Attempts>()

  function remove(eventId: string): void {
    undelivered.delete(eventId)
    attempts.delete(eventId)
  }

  function add(completed: CompletedOperation): UndeliveredWebhook | undefined {
    const { eventId } = completed.line
    if (eventId === undefined) return undefined
    const webhook = { eventId, completed, firstAttempt: Promise.withResolvers<void>() }
    undelivered.set(eventId, webhook)
    return webhook
  }

  return {
    apply(line, completed) {
      if (completed !== undefined) return add(completed)
      switch (line.type) {
        case 'webhook.sent':
          if (line.copy > 0) return undefined
          if (isDelivered(line)) remove(line.eventId)
          else attempts.set(line.eventId, { count: line.attempt, lastAt: Date.parse(line.at) })
          return undefined
        case 'webhook.dropped':
        case 'webhook.abandoned':
          remove(line.eventId)
          return undefined
        default:
          return undefined
      }
    },
    find: eventId => undelivered.get(eventId),
    all: () => [...undelivered.values()],
    attemptsOf: eventId => attempts.get(eventId) ?? { count: 0, lastAt: 0 },
  }
}

function isDelivered({ status = 0 }: Readonly<{ status?: number }>): boolean {
  return status >= 200 && status < 300
}
