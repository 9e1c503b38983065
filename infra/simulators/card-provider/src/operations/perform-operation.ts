import type { ApiError } from '../answers/api-error.ts'
import { limits } from '../limits.ts'
import type { DeclineCode, FaultCause, RequestFacts } from '../log/provider-log-entry.ts'
import type { OrderRequest } from '../requests/read-operation.ts'
import type { Luck, Settings } from '../settings/fault-settings.ts'
import type { Claim } from '../store/charge-store.ts'
import type { CarriedOut, CarryOutDeps } from './carry-out.ts'
import { carryOut } from './carry-out.ts'
import type { DelayedRequests } from './delayed-requests.ts'
import type { Deed } from './payment-intent.ts'

export type PerformOrderDeps = CarryOutDeps &
  Readonly<{
    settings: Settings
    delayed: Pick<DelayedRequests, 'isFull'>
    /** Waits that many milliseconds; rejects when the process is stopping. */
    wait: (ms: number) => Promise<void>
  }>

/** What becomes of a request: an answer, a refusal, a 500, or no answer at all. */
export type Outcome =
  | Readonly<{ kind: 'done'; deed: Deed; replayed: boolean; dripMs: number }>
  | Readonly<{ kind: 'refused'; error: ApiError }>
  | Readonly<{ kind: 'in_use' | 'other_request' | 'full' }>
  | Readonly<{ kind: 'error'; dripMs: number }>
  | Readonly<{ kind: 'silent' }>

/**
 * Lose the request or delay it, or claim the key, carry the order out and write it down, and then
 * answer, or spoil the answer. Nothing is answered that is not on disk. Once an order is under way
 * the client's leaving does not stop it: that is how money moves without the payer's side knowing.
 */
export async function performOrder(
  deps: PerformOrderDeps,
  request: OrderRequest,
  idempotencyKey: string | null,
  requestId: string,
): Promise<Outcome> {
  const facts: RequestFacts = { ...request.order, idempotencyKey, requestId }
  const luck = deps.settings.throwDice()
  const { silence, keyWindowSeconds } = deps.settings.read()
  const lost = luck.silent ? silence : 'none'
  const atFirst = request.card?.atFirst
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
  const settled = await settleClaim(deps, claim, request, facts, luck)
  if (settled.kind === 'refused') return settled
  const { deed } = settled
  if (!replayed) await deps.webhooks?.beforeAnswer(deed)

  const withholdCause = causeOf(lost === 'after', atFirst === 'silent_after' && !replayed)
  if (withholdCause !== undefined) {
    const withheld = { ...idsOf(deed), replayed, cause: withholdCause }
    await deps.truth.append({ type: 'reply.withheld', ...facts, ...withheld })
    return { kind: 'silent' }
  }
  const { dripMs } = luck
  const errorCause = causeOf(luck.error, atFirst === 'error_after' && !replayed)
  if (errorCause !== undefined) {
    const spoilt = { ...idsOf(deed), replayed, cause: errorCause }
    await deps.truth.append({ type: 'reply.error', ...facts, ...spoilt })
    return { kind: 'error', dripMs }
  }
  return { kind: 'done', deed, replayed, dripMs }
}

/**
 * Takes the request in without its key, which whoever asks again therefore finds free. What the
 * dice said goes along: a late request is declined or not as it would have been at once.
 */
async function delay(
  deps: PerformOrderDeps,
  request: OrderRequest,
  facts: RequestFacts,
  luck: Luck,
  cause: FaultCause,
): Promise<Outcome> {
  if (deps.delayed.isFull()) return { kind: 'full' }
  const { fingerprint } = request
  const declineCode = declineCodeOf(request, luck)
  const lateMs = cause === 'setting' ? luck.lateMs : limits.lateCardMs
  const dueAt = new Date(Date.now() + lateMs).toISOString()
  const execution = { fingerprint, declineCode, dueAt }
  await deps.truth.append({ type: 'request.delayed', ...facts, ...execution, cause })
  return { kind: 'silent' }
}

/** What the key holds, or what is done now and on disk when this resolves. */
async function settleClaim(
  deps: PerformOrderDeps,
  claim: Extract<Claim, { kind: 'free' | 'answered' }>,
  request: OrderRequest,
  facts: RequestFacts,
  luck: Luck,
): Promise<CarriedOut> {
  if (claim.kind === 'answered') {
    await deps.wait(luck.latencyMs)
    return { kind: 'done', deed: claim.deed }
  }
  try {
    await deps.wait(luck.latencyMs + (request.card?.slowMs ?? 0))
    const { fingerprint } = request
    return await carryOut(deps, { facts, fingerprint, declineCode: declineCodeOf(request, luck) })
  } finally {
    deps.book.release(facts.idempotencyKey)
  }
}

/** How a charge is declined. What charges no card is not. */
function declineCodeOf({ card }: OrderRequest, { declined }: Luck): DeclineCode | null {
  if (card === undefined) return null
  return card.declineCode ?? (declined ? 'generic_decline' : null)
}

function idsOf({ line, intent }: Deed): { intentId: string; refundId?: string } {
  const { intentId } = intent
  return line.type === 'refund.succeeded' ? { intentId, refundId: line.refundId } : { intentId }
}

function causeOf(bySetting: boolean, byCard: boolean): FaultCause | undefined {
  if (byCard) return 'payment_method'
  return bySetting ? 'setting' : undefined
}
