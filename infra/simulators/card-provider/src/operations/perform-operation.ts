import type { ApiError } from '../answers/api-error.ts'
import { limits } from '../limits.ts'
import type { DeclineCode, FaultCause, RequestFacts } from '../log/provider-log-entry.ts'
import type { OperationRequest } from '../requests/read-operation.ts'
import type { RequestFaults, Settings } from '../settings/fault-settings.ts'
import type { Claim } from '../store/charge-store.ts'
import type { CarriedOut, CarryOutDeps } from './carry-out.ts'
import { carryOut } from './carry-out.ts'
import type { DelayedRequests } from './delayed-requests.ts'
import type { CompletedOperation } from './payment-intent.ts'

export type PerformOperationDeps = CarryOutDeps &
  Readonly<{
    settings: Settings
    delayed: Pick<DelayedRequests, 'isFull'>
    /** Waits that many milliseconds. Rejects when the process is stopping. */
    wait: (ms: number) => Promise<void>
  }>

/** A request ends with an answer, a refusal, a 500, or no answer at all. */
export type Outcome =
  | Readonly<{ kind: 'done'; completed: CompletedOperation; replayed: boolean; dripMs: number }>
  | Readonly<{ kind: 'refused'; error: ApiError }>
  | Readonly<{ kind: 'in_use' | 'other_request' | 'full' }>
  | Readonly<{ kind: 'error'; dripMs: number }>
  | Readonly<{ kind: 'silent' }>

/**
 * Loses or delays the request, or else claims its key, carries the operation out and answers, with
 * or without a fault in the answer. Nothing is answered that is not on disk. An operation that has
 * begun goes on when its client leaves, so money can move without the client's knowledge.
 */
export async function performOperation(
  deps: PerformOperationDeps,
  request: OperationRequest,
  idempotencyKey: string | null,
  requestId: string,
): Promise<Outcome> {
  const facts: RequestFacts = { ...request.operation, idempotencyKey, requestId }
  const faults = deps.settings.drawFaults()
  const { silence } = deps.settings.read()
  const lost = faults.silent ? silence : 'none'
  const atFirst = request.card?.atFirst
  const isFirstUse = idempotencyKey === null || !deps.store.wasUsed(idempotencyKey)

  const dropCause = causeOf(lost === 'before', atFirst === 'silent_before' && isFirstUse)
  if (dropCause !== undefined) {
    await deps.providerLog.append({ type: 'request.dropped', ...facts, cause: dropCause })
    return { kind: 'silent' }
  }
  const lateCause = causeOf(faults.lateMs > 0, atFirst === 'late' && isFirstUse)
  if (lateCause !== undefined) return await delay(deps, request, facts, faults, lateCause)

  const claim = deps.store.claim(idempotencyKey, request.fingerprint)
  if (claim.kind !== 'free' && claim.kind !== 'answered') return { kind: claim.kind }
  const replayed = claim.kind === 'answered'
  const result = await answerClaim(deps, claim, request, facts, faults)
  if (result.kind === 'refused') return result
  const { completed } = result
  if (!replayed) await deps.webhooks?.beforeAnswer(completed)

  const withholdCause = causeOf(lost === 'after', atFirst === 'silent_after' && !replayed)
  if (withholdCause !== undefined) {
    const withheld = { ...idsOf(completed), replayed, cause: withholdCause }
    await deps.providerLog.append({ type: 'reply.withheld', ...facts, ...withheld })
    return { kind: 'silent' }
  }
  const { dripMs } = faults
  const errorCause = causeOf(faults.error, atFirst === 'error_after' && !replayed)
  if (errorCause !== undefined) {
    const failed = { ...idsOf(completed), replayed, cause: errorCause }
    await deps.providerLog.append({ type: 'reply.error', ...facts, ...failed })
    return { kind: 'error', dripMs }
  }
  return { kind: 'done', completed, replayed, dripMs }
}

/**
 * Accepts the request without claiming its key, so a retry finds the key free. The drawn faults are
 * stored: a delayed request is declined or not as it would have been at once.
 */
async function delay(
  deps: PerformOperationDeps,
  request: OperationRequest,
  facts: RequestFacts,
  faults: RequestFaults,
  cause: FaultCause,
): Promise<Outcome> {
  if (deps.delayed.isFull()) return { kind: 'full' }
  const { fingerprint } = request
  const declineCode = declineCodeOf(request, faults)
  const lateMs = cause === 'setting' ? faults.lateMs : limits.lateCardMs
  const dueAt = new Date(Date.now() + lateMs).toISOString()
  const execution = { fingerprint, declineCode, dueAt }
  await deps.providerLog.append({ type: 'request.delayed', ...facts, ...execution, cause })
  return { kind: 'silent' }
}

/** Answers what the key already holds, or carries the operation out. */
async function answerClaim(
  deps: PerformOperationDeps,
  claim: Extract<Claim, { kind: 'free' | 'answered' }>,
  request: OperationRequest,
  facts: RequestFacts,
  faults: RequestFaults,
): Promise<CarriedOut> {
  if (claim.kind === 'answered') {
    await deps.wait(faults.latencyMs)
    return { kind: 'done', completed: claim.completed }
  }
  try {
    await deps.wait(faults.latencyMs + (request.card?.slowMs ?? 0))
    const { fingerprint } = request
    const declineCode = declineCodeOf(request, faults)
    return await carryOut(deps, { facts, fingerprint, declineCode })
  } finally {
    deps.store.release(facts.idempotencyKey)
  }
}

/** A request without a card to charge is never declined. */
function declineCodeOf(
  { card }: OperationRequest,
  { declined }: RequestFaults,
): DeclineCode | null {
  if (card === undefined) return null
  return card.declineCode ?? (declined ? 'generic_decline' : null)
}

function idsOf({ line, intent }: CompletedOperation): { intentId: string; refundId?: string } {
  const { intentId } = intent
  return line.type === 'refund.succeeded' ? { intentId, refundId: line.refundId } : { intentId }
}

function causeOf(bySetting: boolean, byCard: boolean): FaultCause | undefined {
  if (byCard) return 'payment_method'
  return bySetting ? 'setting' : undefined
}
