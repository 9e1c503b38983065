import type { DecideChargeDeps } from './decide-charge.ts'
import { decideCharge } from './decide-charge.ts'
import type { ExecuteLate } from './delayed-requests.ts'
import type { Dials } from './dials.ts'
import type { RequestFacts } from './truth-entry.ts'

/**
 * Executes a delayed request as if it came in now. When its key was answered meanwhile no money
 * moves; while its key is in use it has to wait. Nobody is told what became of it.
 */
export function executeLate(deps: DecideChargeDeps & Readonly<{ dials: Dials }>): ExecuteLate {
  return async (request, isLastTry) => {
    const { amount, currency, metadata, paymentMethod, idempotencyKey, requestId } = request
    const facts: RequestFacts = {
      ...{ amount, currency, metadata, paymentMethod, idempotencyKey, requestId },
    }
    const { fingerprint, declineCode } = request
    const windowMs = deps.dials.read().keyWindowSeconds * 1_000
    const claim = deps.book.claim(idempotencyKey, fingerprint, windowMs)
    switch (claim.kind) {
      case 'free':
        try {
          await decideCharge(deps, { facts, fingerprint, declineCode, late: true })
        } finally {
          deps.book.release(idempotencyKey)
        }
        return true
      case 'answered': {
        const { intentId } = claim.intent
        await deps.truth.append({ type: 'request.repeated', ...facts, intentId, late: true })
        return true
      }
      case 'in_use':
      case 'full':
        if (!isLastTry) return false
        await deps.truth.append({ type: 'request.dropped', ...facts, cause: 'full', late: true })
        return true
      case 'other_request': {
        const cause = 'other_request'
        await deps.truth.append({ type: 'request.dropped', ...facts, cause, late: true })
        return true
      }
    }
  }
}
