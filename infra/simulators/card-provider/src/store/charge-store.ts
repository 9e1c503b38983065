import { limits } from '../limits.ts'
import type { ProviderLogLine, RefundLine } from '../log/provider-log-entry.ts'
import type { CompletedOperation, PaymentIntent } from '../operations/payment-intent.ts'
import { applyLine, isOperation } from '../operations/payment-intent.ts'

/** An idempotency key means one of these for the request that brings it. */
export type Claim =
  /** The caller may carry its operation out, and must `release` the key whatever the result is. */
  | Readonly<{ kind: 'free' }>
  | Readonly<{ kind: 'answered'; completed: CompletedOperation }>
  | Readonly<{ kind: 'in_use' }>
  | Readonly<{ kind: 'other_request' }>
  /** Too many operations are under way, or too many records are kept. */
  | Readonly<{ kind: 'full' }>

export type ChargeStore = Readonly<{
  /** Takes the key for one operation. A request without a key is always a new operation. */
  claim: (key: string | null, fingerprint: string, windowMs: number) => Claim
  /** Ends a claim. The key now answers from the log, or is free again if nothing was done. */
  release: (key: string | null) => void
  /**
   * Applies one line of the provider log: when it is written, and again at the next start. Answers
   * the completed operation if the line is one.
   */
  apply: (line: ProviderLogLine) => CompletedOperation | undefined
  findIntent: (intentId: string) => PaymentIntent | undefined
  /** Lists the intents that carry all these metadata, newest first. */
  listIntents: (metadata: Readonly<Record<string, string>>) => readonly PaymentIntent[]
  findRefund: (refundId: string) => RefundLine | undefined
  /** Lists the refunds of one intent or of all, newest first. */
  listRefunds: (intentId: string | undefined) => readonly RefundLine[]
  /** Tells whether a test card has already lost or delayed the first request under this key. */
  wasUsed: (key: string) => boolean
}>

/** Holds the intents and refunds of the store, without its keys. */
function createRecords() {
  const intents = new Map<string, PaymentIntent>()
  const intentIdsOf = new Map<string, string[]>()
  const refunds = new Map<string, RefundLine>()
  const refundsOfIntent = new Map<string, RefundLine[]>()

  function intentsOf(paymentId: string | undefined): PaymentIntent[] {
    if (paymentId === undefined) return [...intents.values()]
    const ids = intentIdsOf.get(paymentId) ?? []
    return ids.flatMap(id => intents.get(id) ?? [])
  }

  return {
    intents,
    refunds,
    add({ line, intent }: CompletedOperation): void {
      const { payment_id: paymentId } = intent.metadata
      const isNew = !intents.has(intent.intentId)
      intents.set(intent.intentId, intent)
      if (isNew && paymentId !== undefined) addTo(intentIdsOf, paymentId, intent.intentId)
      if (line.type === 'refund.succeeded') {
        refunds.set(line.refundId, line)
        addTo(refundsOfIntent, intent.intentId, line)
      }
    },
    listIntents(metadata: Readonly<Record<string, string>>): readonly PaymentIntent[] {
      const wanted = Object.entries(metadata)
      return intentsOf(metadata['payment_id'])
        .filter(intent => wanted.every(([name, value]) => intent.metadata[name] === value))
        .reverse()
    },
    listRefunds(intentId: string | undefined): readonly RefundLine[] {
      if (intentId === undefined) return [...refunds.values()].reverse()
      return (refundsOfIntent.get(intentId) ?? []).toReversed()
    },
  }
}

function addTo<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const known = lists.get(key)
  if (known === undefined) lists.set(key, [value])
  else known.push(value)
}

/**
 * Holds all charges and keys in memory. The store is built from the provider log alone, so it is the
 * same after a restart. Claims are not in the log, because they should end with the process.
 */
export function createChargeStore(now: () => number): ChargeStore {
  const records = createRecords()
  /** The oldest answers are first, so the expired ones are at the front. */
  const answered = new Map<string, CompletedOperation>()
  const running = new Map<string, string>()
  const used = new Set<string>()
  let runningCount = 0

  function forgetExpired(windowMs: number): void {
    for (const [key, { line }] of answered) {
      if (now() - Date.parse(line.at) < windowMs) return
      answered.delete(key)
    }
  }

  function isFull(): boolean {
    const kept = records.intents.size + records.refunds.size
    return runningCount >= limits.runningMax || kept + runningCount >= limits.recordsMax
  }

  function addUsed(key: string): void {
    used.add(key)
    const [oldest] = used
    if (used.size > limits.recordsMax && oldest !== undefined) used.delete(oldest)
  }

  return {
    claim(key, fingerprint, windowMs) {
      forgetExpired(windowMs)
      if (key !== null) {
        const completed = answered.get(key)
        const known = completed?.line.fingerprint ?? running.get(key)
        if (known !== undefined && known !== fingerprint) return { kind: 'other_request' }
        if (completed !== undefined) return { kind: 'answered', completed }
        if (known !== undefined) return { kind: 'in_use' }
      }
      if (isFull()) return { kind: 'full' }
      runningCount += 1
      if (key !== null) running.set(key, fingerprint)
      return { kind: 'free' }
    },
    release(key) {
      runningCount -= 1
      if (key !== null) running.delete(key)
    },
    apply(line) {
      const unanswered = line.type === 'request.dropped' || line.type === 'request.delayed'
      const byCard = unanswered && line.cause === 'payment_method'
      if (byCard && line.idempotencyKey !== null) addUsed(line.idempotencyKey)
      if (!isOperation(line)) return undefined
      const completed = { line, intent: applyLine(records.intents.get(line.intentId), line) }
      records.add(completed)
      const { idempotencyKey: key } = line
      if (key !== null) {
        // A key that is used again after its window moves to the end, in the order of the answers.
        answered.delete(key)
        answered.set(key, completed)
      }
      return completed
    },
    findIntent: intentId => records.intents.get(intentId),
    listIntents: records.listIntents,
    findRefund: refundId => records.refunds.get(refundId),
    listRefunds: records.listRefunds,
    wasUsed: key => used.has(key),
  }
}
