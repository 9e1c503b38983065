import type { Claim } from './charge-book.ts'
import type { ChargeRequest } from './charge-request.ts'
import type { DecideChargeDeps } from './decide-charge.ts'
import { decideCharge } from './decide-charge.ts'
import type { DelayedRequests } from './delayed-requests.ts'
import type { Dials, Luck } from './dials.ts'
import { limits } from './limits.ts'
import type { PaymentIntent } from './payment-intent.ts'
import type { DeclineCode, FaultCause, RequestFacts } from './truth-entry.ts'

export type TakeChargeDeps = DecideChargeDeps &
  Readonly<{
    dials: Dials
    delayed: Pick<DelayedRequests, 'isFull'>
    /** Waits that many milliseconds; rejects when the process is stopping. */
    wait: (ms: number) => Promise<void>
  }>

/** What becomes of a request: an answer, a refusal of its key, a 500, or no answer at all. */
export type Outcome =
  | Readonly<{ kind: 'decided'; intent: PaymentIntent; replayed: boolean; dripMs: number }>
  | Readonly<{ kind: 'in_use' | 'other_request' | 'full' }>
  | Readonly<{ kind: 'error'; dripMs: number }>
  | Readonly<{ kind: 'silent' }>

/**
 * Lose the request or delay it, or claim the key, charge and write it down, and then answer, or
 * spoil the answer. Nothing is answered that is not on disk. Once a charge is under way the
 * client's leaving does not stop it: that is how money moves without the payer's side knowing.
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
  const { atFirst } = request.method
  const firstUse = idempotencyKey === null || !deps.book.wasUsed(idempotencyKey)

  const dropCause = causeOf(lost === 'before', atFirst === 'silent_before' && firstUse)
  if (dropCause !== undefined) {
    await deps.truth.append({ type: 'request.dropped', ...facts, cause: dropCause })
    return { kind: 'silent' }
  }
  const lateCause = causeOf(luck.lateMs > 0, atFirst === 'late' && firstUse)
  if (lateCause !== undefined) return await delay(deps, request, facts, luck, lateCause)

  const claim = deps.book.claim(idempotencyKey, request.fingerprint, keyWindowSeconds * 1_000)
  if (claim.kind !== 'free' && claim.kind !== 'answered') return { kind: claim.kind }
  const replayed = claim.kind === 'answered'
  const intent = await settleClaim(deps, claim, request, facts, luck)
  if (!replayed) await deps.callbacks?.beforeAnswer(intent)
  const { intentId } = intent
  const { dripMs } = luck

  const withholdCause = causeOf(lost === 'after', atFirst === 'silent_after' && !replayed)
  if (withholdCause !== undefined) {
    const withheld = { intentId, replayed, cause: withholdCause }
    await deps.truth.append({ type: 'reply.withheld', ...facts, ...withheld })
    return { kind: 'silent' }
  }
  const errorCause = causeOf(luck.error, atFirst === 'error_after' && !replayed)
  if (errorCause !== undefined) {
    const spoilt = { intentId, replayed, cause: errorCause }
    await deps.truth.append({ type: 'reply.error', ...facts, ...spoilt })
    return { kind: 'error', dripMs }
  }
  return { kind: 'decided', intent, replayed, dripMs }
}

/**
 * Takes the request in without its key, which whoever asks again therefore finds free. What the
 * dice said goes along: a late request is declined or not as it would have been at once.
 */
async function delay(
  deps: TakeChargeDeps,
  request: ChargeRequest,
  facts: RequestFacts,
  luck: Luck,
  cause: FaultCause,
): Promise<Outcome> {
  if (deps.delayed.isFull()) return { kind: 'full' }
  const { fingerprint } = request
  const declineCode = declineCodeOf(request, luck)
  const lateMs = cause === 'dial' ? luck.lateMs : limits.lateCardMs
  const dueAt = new Date(Date.now() + lateMs).toISOString()
  const execution = { fingerprint, declineCode, dueAt }
  await deps.truth.append({ type: 'request.delayed', ...facts, ...execution, cause })
  return { kind: 'silent' }
}

/** The stored intent, or a new one that is on disk when this resolves. */
async function settleClaim(
  deps: TakeChargeDeps,
  claim: Extract<Claim, { kind: 'free' | 'answered' }>,
  request: ChargeRequest,
  facts: RequestFacts,
  luck: Luck,
): Promise<PaymentIntent> {
  if (claim.kind === 'answered') {
    await deps.wait(luck.latencyMs)
    return claim.intent
  }
  try {
    await deps.wait(luck.latencyMs + (request.method.slowMs ?? 0))
    const { fingerprint } = request
    const declineCode = declineCodeOf(request, luck)
    return await decideCharge(deps, { facts, fingerprint, declineCode })
  } finally {
    deps.book.release(facts.idempotencyKey)
  }
}

function declineCodeOf({ method }: ChargeRequest, { declined }: Luck): DeclineCode | null {
  return method.declineCode ?? (declined ? 'generic_decline' : null)
}

function factsOf(
  { amount, currency, metadata, method }: ChargeRequest,
  idempotencyKey: string | null,
  requestId: string,
): RequestFacts {
  return { amount, currency, metadata, paymentMethod: method.kind, idempotencyKey, requestId }
}

function causeOf(byDial: boolean, byCard: boolean): FaultCause | undefined {
  if (byCard) return 'payment_method'
  return byDial ? 'dial' : undefined
}
