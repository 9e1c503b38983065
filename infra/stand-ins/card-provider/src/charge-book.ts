import { limits } from './limits.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { TruthLine } from './truth-entry.ts'

/** What an idempotency key is worth to the request that brings it. */
export type Claim =
  /** The caller may charge, and must `release` whatever comes of it. */
  | Readonly<{ kind: 'free' }>
  | Readonly<{ kind: 'answered'; intent: PaymentIntent }>
  | Readonly<{ kind: 'in_use' }>
  | Readonly<{ kind: 'other_request' }>
  /** Too many charges under way, or kept. */
  | Readonly<{ kind: 'full' }>

export type ChargeBook = Readonly<{
  /** Takes the key for one charge. A request without a key is always a new charge. */
  claim: (key: string | null, fingerprint: string, windowMs: number) => Claim
  /** Ends a claim: the key answers from the log now, or is free again if no charge was made. */
  release: (key: string | null) => void
  /** Folds one line of the truth log in: when it is written, and again at the next start. */
  apply: (line: TruthLine) => void
  find: (intentId: string) => PaymentIntent | undefined
  ofPayment: (paymentId: string) => readonly PaymentIntent[]
  /** True when a card that loses or delays its first request has already done so under this key. */
  wasUsed: (key: string) => boolean
}>

/**
 * All charges and keys in memory. Nothing here is stored: the book is what the truth log says, so
 * it is the same after a restart. Claims are the exception, and they should die with the process.
 */
export function createChargeBook(now: () => number): ChargeBook {
  const intents = new Map<string, PaymentIntent>()
  const intentsOfPayment = new Map<string, PaymentIntent[]>()
  /** Oldest first, so the expired ones are at the front. */
  const answered = new Map<string, PaymentIntent>()
  const running = new Map<string, { fingerprint: string }>()
  const used = new Set<string>()
  let runningCount = 0

  function forgetExpired(windowMs: number): void {
    for (const [key, intent] of answered) {
      if (now() - Date.parse(intent.at) < windowMs) return
      answered.delete(key)
    }
  }

  function keepIntent(intent: PaymentIntent): void {
    intents.set(intent.intentId, intent)
    const paymentId = intent.metadata.payment_id
    if (paymentId !== undefined) {
      const known = intentsOfPayment.get(paymentId)
      if (known === undefined) intentsOfPayment.set(paymentId, [intent])
      else known.push(intent)
    }
    if (intent.idempotencyKey !== null) {
      // A key used again after its window moves to the end: the order is that of the answers.
      answered.delete(intent.idempotencyKey)
      answered.set(intent.idempotencyKey, intent)
    }
  }

  function keepUsed(key: string): void {
    used.add(key)
    const [oldest] = used
    if (used.size > limits.intentsMax && oldest !== undefined) used.delete(oldest)
  }

  return {
    claim(key, fingerprint, windowMs) {
      forgetExpired(windowMs)
      if (key !== null) {
        const intent = answered.get(key)
        const known = intent ?? running.get(key)
        if (known !== undefined && known.fingerprint !== fingerprint)
          return { kind: 'other_request' }
        if (intent !== undefined) return { kind: 'answered', intent }
        if (known !== undefined) return { kind: 'in_use' }
      }
      const full =
        runningCount >= limits.runningMax || intents.size + runningCount >= limits.intentsMax
      if (full) return { kind: 'full' }
      runningCount += 1
      if (key !== null) running.set(key, { fingerprint })
      return { kind: 'free' }
    },
    release(key) {
      runningCount -= 1
      if (key !== null) running.delete(key)
    },
    apply(line) {
      if (line.type === 'intent.succeeded' || line.type === 'intent.declined') keepIntent(line)
      const unanswered = line.type === 'request.dropped' || line.type === 'request.delayed'
      const byCard = unanswered && line.cause === 'payment_method'
      if (byCard && line.idempotencyKey !== null) keepUsed(line.idempotencyKey)
    },
    find: intentId => intents.get(intentId),
    ofPayment: paymentId => intentsOfPayment.get(paymentId) ?? [],
    wasUsed: key => used.has(key),
  }
}
