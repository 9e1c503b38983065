import { limits } from '../limits.ts'
import type { ProviderLogLine, RefundLine } from '../log/provider-log-entry.ts'
import type { CompletedOperation, PaymentIntent } from '../operations/payment-intent.ts'
import { applyLine, isOperation } from '../operations/payment-intent.ts'
import { defaultSettings } from '../settings/fault-settings.ts'

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
  claim: (key: string | null, fingerprint: string) => Claim
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
  /** How many intents and refunds are in memory. */
  kept: () => number
}>

/** Holds the intents and refunds of the store, without its keys. */
function createRecords() {
  const intents = new Map<string, PaymentIntent>()
  const intentIdsOf = new Map<string, string[]>()
  const refunds = new Map<string, RefundLine>()
  const refundsOfIntent = new Map<string, RefundLine[]>()
  /** When the last operation of each settled intent was; the oldest are first. */
  const settledAt = new Map<string, number>()

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
      settledAt.delete(intent.intentId)
      if (isSettled(intent)) settledAt.set(intent.intentId, Date.parse(line.at))
    },
    /** Forgets the intents that were settled before this time, with their refunds. */
    forgetSettled(beforeMs: number): void {
      for (const [intentId, atMs] of settledAt) {
        if (atMs > beforeMs) return
        settledAt.delete(intentId)
        for (const { refundId } of refundsOfIntent.get(intentId) ?? []) refunds.delete(refundId)
        refundsOfIntent.delete(intentId)
        removeFrom(intentIdsOf, intents.get(intentId)?.metadata['payment_id'] ?? '', intentId)
        intents.delete(intentId)
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

function removeFrom(lists: Map<string, string[]>, key: string, value: string): void {
  const rest = (lists.get(key) ?? []).filter(other => other !== value)
  if (rest.length > 0) lists.set(key, rest)
  else lists.delete(key)
}

/** An authorization holds money of the card until it is captured or canceled, so it is kept. */
function isSettled({ status }: PaymentIntent): boolean {
  return status !== 'requires_capture'
}

/**
 * Holds charges and keys in memory. A real provider never forgets a charge, and a caller that asked for
 * one in vain might charge again. So they are only forgotten when there is no room for new ones: the
 * oldest that are settled, some time after their keys. The provider log keeps them.
 *
 * The store is built from the provider log alone, so it is the same after a restart. Claims are not in the log, because they should end with the process.
 */
export function createChargeStore(
  now: () => number,
  recordsMax: number = limits.recordsMax,
): ChargeStore {
  const records = createRecords()
  /** The oldest answers are first, so the expired ones are at the front. */
  const answered = new Map<string, CompletedOperation>()
  const running = new Map<string, string>()
  const used = new Set<string>()
  let runningCount = 0
  let windowMs = defaultSettings.keyWindowSeconds * 1_000

  function forgetExpired(atMs: number): void {
    for (const [key, { line }] of answered) {
      if (atMs - Date.parse(line.at) < windowMs) return
      answered.delete(key)
    }
  }

  const kept = () => records.intents.size + records.refunds.size

  /** `atMs` is the time of a line while the log is read back, so the same are forgotten as before. */
  function hasRoom(atMs: number): boolean {
    if (kept() + runningCount < recordsMax) return true
    records.forgetSettled(atMs - Math.max(windowMs, limits.settledKeptMs))
    return kept() + runningCount < recordsMax
  }

  function addUsed(key: string): void {
    used.add(key)
    const [oldest] = used
    if (used.size > recordsMax && oldest !== undefined) used.delete(oldest)
  }

  return {
    claim(key, fingerprint) {
      forgetExpired(now())
      if (key !== null) {
        const completed = answered.get(key)
        const known = completed?.line.fingerprint ?? running.get(key)
        if (known !== undefined && known !== fingerprint) return { kind: 'other_request' }
        if (completed !== undefined) return { kind: 'answered', completed }
        if (known !== undefined) return { kind: 'in_use' }
      }
      if (runningCount >= limits.runningMax || !hasRoom(now())) return { kind: 'full' }
      runningCount += 1
      if (key !== null) running.set(key, fingerprint)
      return { kind: 'free' }
    },
    release(key) {
      runningCount -= 1
      if (key !== null) running.delete(key)
    },
    apply(line) {
      if (line.type === 'settings.changed') windowMs = line.settings.keyWindowSeconds * 1_000
      const unanswered = line.type === 'request.dropped' || line.type === 'request.delayed'
      const byCard = unanswered && line.cause === 'payment_method'
      if (byCard && line.idempotencyKey !== null) addUsed(line.idempotencyKey)
      if (!isOperation(line)) return undefined
      const completed = { line, intent: applyLine(records.intents.get(line.intentId), line) }
      records.add(completed)
      forgetExpired(Date.parse(line.at))
      hasRoom(Date.parse(line.at))
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
    kept,
  }
}
