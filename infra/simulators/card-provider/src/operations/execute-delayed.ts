import { limits } from '../limits.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { CarryOutDeps } from './carry-out.ts'
import { carryOut } from './carry-out.ts'
import type { ExecuteLate } from './delayed-requests.ts'

/**
 * Executes a delayed request as if it came in now. When its key was answered meanwhile nothing is
 * done; while its key is in use it has to wait. Nobody is told what became of it. Beyond the
 * longest processing delay it is dropped, however long this process was away: whoever finds nothing
 * after that time may rely on it.
 */
export function executeLate(
  deps: CarryOutDeps & Readonly<{ settings: Settings; now: () => number }>,
): ExecuteLate {
  return async (request, isLastTry) => {
    const { at, seq, type, dueAt, cause: _, fingerprint, declineCode, ...facts } = request
    const drop = (cause: 'other_request' | 'full' | 'refused' | 'overdue') =>
      deps.truth.append({ type: 'request.dropped', ...facts, cause, late: true })

    if (deps.now() - Date.parse(at) >= limits.processingDelayMaxMs) {
      await drop('overdue')
      return true
    }
    const { idempotencyKey } = facts
    const windowMs = deps.settings.read().keyWindowSeconds * 1_000
    const claim = deps.book.claim(idempotencyKey, fingerprint, windowMs)
    switch (claim.kind) {
      case 'free':
        try {
          const settled = await carryOut(deps, { facts, fingerprint, declineCode, late: true })
          if (settled.kind === 'refused') await drop('refused')
        } finally {
          deps.book.release(idempotencyKey)
        }
        return true
      case 'answered': {
        const { intentId } = claim.deed.intent
        await deps.truth.append({ type: 'request.repeated', ...facts, intentId, late: true })
        return true
      }
      case 'in_use':
      case 'full':
        if (!isLastTry) return false
        await drop('full')
        return true
      case 'other_request':
        await drop('other_request')
        return true
    }
  }
}
