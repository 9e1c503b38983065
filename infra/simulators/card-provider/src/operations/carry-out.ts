import type { ProviderLog } from '../log/provider-log.ts'
import type { DeclineCode, RequestFacts } from '../log/provider-log-entry.ts'
import type { ChargeStore } from '../store/charge-store.ts'
import type { Webhooks } from '../webhooks/webhooks.ts'
import type { Decision } from './decide.ts'
import { decide } from './decide.ts'
import type { CompletedOperation, PaymentIntent } from './payment-intent.ts'
import { applyLine } from './payment-intent.ts'

export type CarryOutDeps = Readonly<{
  store: ChargeStore
  providerLog: Pick<ProviderLog, 'append'>
  intentQueue: IntentQueue
  newId: (kind: 'pi' | 're') => string
  /** This is undefined when no webhook endpoint is configured. */
  webhooks: Pick<Webhooks, 'newEventId' | 'beforeAnswer'> | undefined
}>

/** A ready operation can be carried out at once. `declineCode` null means that the card is good. */
export type ReadyOperation = Readonly<{
  facts: RequestFacts
  fingerprint: string
  declineCode: DeclineCode | null
  late?: true
}>

export type CarriedOut =
  | Readonly<{ kind: 'done'; completed: CompletedOperation }>
  | Extract<Decision, { kind: 'refused' }>

/** Writes the line of the log that makes the operation happen. A refusal writes no line. */
export async function carryOut(deps: CarryOutDeps, ready: ReadyOperation): Promise<CarriedOut> {
  const { action, intentId } = { intentId: undefined, ...ready.facts }
  if (action === undefined || intentId === undefined) {
    return await write(deps, ready, undefined, deps.newId('pi'))
  }
  return await deps.intentQueue(intentId, () =>
    write(deps, ready, deps.store.findIntent(intentId), intentId),
  )
}

async function write(
  { providerLog, newId, webhooks }: CarryOutDeps,
  { facts, declineCode, ...rest }: ReadyOperation,
  known: PaymentIntent | undefined,
  intentId: string,
): Promise<CarriedOut> {
  const decision = decide(facts, known, declineCode, newId('re'))
  if (decision.kind === 'refused') return decision
  const { effect } = decision
  const event = webhooks === undefined ? {} : { eventId: webhooks.newEventId() }
  const line = await providerLog.append({ ...facts, intentId, ...rest, ...event, ...effect })
  return { kind: 'done', completed: { line, intent: applyLine(known, line) } }
}

/** Runs the operations on one intent one after the other, and those on other intents beside them. */
export type IntentQueue = <Answer>(intentId: string, run: () => Promise<Answer>) => Promise<Answer>

/** Each operation is decided by what the one before it wrote, so only one may run per intent. */
export function createIntentQueue(): IntentQueue {
  const last = new Map<string, Promise<void>>()

  return async (intentId, run) => {
    const before = last.get(intentId)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(intentId, promise)
    try {
      await before
      return await run()
    } finally {
      resolve()
      if (last.get(intentId) === promise) last.delete(intentId)
    }
  }
}
