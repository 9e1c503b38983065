import { limits } from '../limits.ts'
import type { ProviderLogLine, RefundLine } from '../log/provider-log-entry.ts'
import type { Deed, PaymentIntent } from '../operations/payment-intent.ts'
import { applyLine, isDone } from '../operations/payment-intent.ts'

/** What an idempotency key is worth to the request that brings it. */
export type Claim =
  /** The caller may carry its order out, and must `release` whatever comes of it. */
  | Readonly<{ kind: 'free' }>
  | Readonly<{ kind: 'answered'; deed: Deed }>
  | Readonly<{ kind: 'in_use' }>
  | Readonly<{ kind: 'other_request' }>
  /** Too many orders under way, or too much kept. */
  | Readonly<{ kind: 'full' }>

export type ChargeBook = Readonly<{
  /** Takes the key for one order. A request without a key is always a new order. */
  claim: (key: string | null, fingerprint: string, windowMs: number) => Claim
  /** Ends a claim: the key answers from the log now, or is free again if nothing was done. */
  release: (key: string | null) => void
  /**
   * Folds one line of the provider log in: when it is written, and again at the next start. Answers
   * what was done, if the line says so.
   */
  apply: (line: ProviderLogLine) => Deed | undefined
  find: (intentId: string) => PaymentIntent | undefined
  /** Those that carry all these metadata, the newest first. */
  intents: (metadata: Readonly<Record<string, string>>) => readonly PaymentIntent[]
  findRefund: (refundId: string) => RefundLine | undefined
  /** Of one intent or of all, the newest first. */
  refunds: (intentId: string | undefined) => readonly RefundLine[]
  /** True when a card that loses or delays its first request has already done so under this key. */
  wasUsed: (key: string) => boolean
}>

/** Which intents there are and what was paid back: the memory of the book, without its keys. */
function createRecords() {
  const intents = new Map<string, PaymentIntent>()
  const idsOfPayment = new Map<string, string[]>()
  const refunds = new Map<string, RefundLine>()
  const refundsOfIntent = new Map<string, RefundLine[]>()

  function intentsOf(paymentId: string | undefined): PaymentIntent[] {
    if (paymentId === undefined) return [...intents.values()]
    const ids = idsOfPayment.get(paymentId) ?? []
    return ids.flatMap(id => intents.get(id) ?? [])
  }

  return {
    intents,
    refunds,
    keep({ line, intent }: Deed): void {
      const { payment_id: paymentId } = intent.metadata
      const isNew = !intents.has(intent.intentId)
      intents.set(intent.intentId, intent)
      if (isNew && paymentId !== undefined) addTo(idsOfPayment, paymentId, intent.intentId)
      if (line.type === 'refund.succeeded') {
        refunds.set(line.refundId, line)
        addTo(refundsOfIntent, intent.intentId, line)
      }
    },
    intentsWith(metadata: Readonly<Record<string, string>>): readonly PaymentIntent[] {
      const wanted = Object.entries(metadata)
      return intentsOf(metadata['payment_id'])
        .filter(intent => wanted.every(([name, value]) => intent.metadata[name] === value))
        .reverse()
    },
    refundsOf(intentId: string | undefined): readonly RefundLine[] {
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
 * All charges and keys in memory. Nothing here is stored: the book is what the provider log says, so
 * it is the same after a restart. Claims are the exception, and they should die with the process.
 */
export function createChargeBook(now: () => number): ChargeBook {
  const records = createRecords()
  /** Oldest first, so the expired ones are at the front. */
  const answered = new Map<string, Deed>()
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

  function keepUsed(key: string): void {
    used.add(key)
    const [oldest] = used
    if (used.size > limits.recordsMax && oldest !== undefined) used.delete(oldest)
  }

  return {
    claim(key, fingerprint, windowMs) {
      forgetExpired(windowMs)
      if (key !== null) {
        const deed = answered.get(key)
        const known = deed?.line.fingerprint ?? running.get(key)
        if (known !== undefined && known !== fingerprint) return { kind: 'other_request' }
        if (deed !== undefined) return { kind: 'answered', deed }
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
      if (byCard && line.idempotencyKey !== null) keepUsed(line.idempotencyKey)
      if (!isDone(line)) return undefined
      const deed = { line, intent: applyLine(records.intents.get(line.intentId), line) }
      records.keep(deed)
      const { idempotencyKey: key } = line
      if (key !== null) {
        // A key used again after its window moves to the end: the order is that of the answers.
        answered.delete(key)
        answered.set(key, deed)
      }
      return deed
    },
    find: intentId => records.intents.get(intentId),
    intents: records.intentsWith,
    findRefund: refundId => records.refunds.get(refundId),
    refunds: records.refundsOf,
    wasUsed: key => used.has(key),
  }
}
