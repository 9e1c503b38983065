import type { ChargeBook, Claim } from './charge-book.ts'
import type { ChargeRequest } from './charge-request.ts'
import type { Dials } from './dials.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { RequestFacts, SilenceCause } from './truth-entry.ts'
import type { TruthLog } from './truth-log.ts'

export type TakeChargeDeps = Readonly<{
  book: ChargeBook
  dials: Dials
  truth: TruthLog
  /** Waits that many milliseconds; rejects when the process is stopping. */
  wait: (ms: number) => Promise<void>
  newIntentId: () => string
}>

/** What becomes of a request: an answer, a refusal of its key, or no answer at all. */
export type Outcome =
  | Readonly<{ kind: 'decided'; intent: PaymentIntent; replayed: boolean }>
  | Readonly<{ kind: 'in_use' | 'other_request' | 'full' }>
  | Readonly<{ kind: 'silent' }>

/**
 * Lose the request, or claim the key, charge and write it down, and then answer or lose the answer.
 * Nothing is answered that is not on disk. Once a charge is under way the client's leaving does not
 * stop it: that is how money moves without the payer's side knowing.
 */
export async function takeCharge(
  deps: TakeChargeDeps,
  request: ChargeRequest,
  idempotencyKey: string | null,
  requestId: string,
): Promise<Outcome> {
  const facts = factsOf(request, idempotencyKey, requestId)
  const luck = deps.dials.throwDice()
  const { silence, keyWindowSeconds } = deps.dials.read()
  const lost = luck.silent ? silence : 'none'

  const dropCause = causeOf(lost === 'before', isDroppedByCard(deps.book, request, idempotencyKey))
  if (dropCause !== undefined) {
    await deps.truth.append({ type: 'request.dropped', ...facts, cause: dropCause })
    return { kind: 'silent' }
  }

  const claim = deps.book.claim(idempotencyKey, request.fingerprint, keyWindowSeconds * 1_000)
  if (claim.kind !== 'free' && claim.kind !== 'answered') return { kind: claim.kind }
  const replayed = claim.kind === 'answered'
  const intent = await settleClaim(deps, claim, request, facts, luck)

  const firstOfSilentCard = request.method.silentAtFirst === 'after' && !replayed
  const withholdCause = causeOf(lost === 'after', firstOfSilentCard)
  if (withholdCause !== undefined) {
    const { intentId } = intent
    const withheld = { intentId, replayed, cause: withholdCause }
    await deps.truth.append({ type: 'reply.withheld', ...facts, ...withheld })
    return { kind: 'silent' }
  }
  return { kind: 'decided', intent, replayed }
}

/** The stored intent, or a new one that is on disk when this resolves. */
async function settleClaim(
  deps: TakeChargeDeps,
  claim: Extract<Claim, { kind: 'free' | 'answered' }>,
  request: ChargeRequest,
  facts: RequestFacts,
  luck: Readonly<{ latencyMs: number; declined: boolean }>,
): Promise<PaymentIntent> {
  if (claim.kind === 'answered') {
    await deps.wait(luck.latencyMs)
    return claim.intent
  }
  try {
    await deps.wait(luck.latencyMs + (request.method.slowMs ?? 0))
    const intentId = deps.newIntentId()
    const decided = { ...facts, intentId, fingerprint: request.fingerprint }
    const declineCode =
      request.method.declineCode ?? (luck.declined ? 'generic_decline' : undefined)
    if (declineCode === undefined) {
      return await deps.truth.append({ type: 'intent.succeeded', ...decided })
    }
    return await deps.truth.append({ type: 'intent.declined', ...decided, declineCode })
  } finally {
    deps.book.release(facts.idempotencyKey)
  }
}

function factsOf(
  { amount, currency, metadata, method }: ChargeRequest,
  idempotencyKey: string | null,
  requestId: string,
): RequestFacts {
  return { amount, currency, metadata, paymentMethod: method.kind, idempotencyKey, requestId }
}

function isDroppedByCard(book: ChargeBook, request: ChargeRequest, key: string | null): boolean {
  if (request.method.silentAtFirst !== 'before') return false
  return key === null || !book.wasDropped(key)
}

function causeOf(byDial: boolean, byCard: boolean): SilenceCause | undefined {
  if (byCard) return 'payment_method'
  return byDial ? 'dial' : undefined
}
