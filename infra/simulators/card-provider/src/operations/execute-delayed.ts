import { limits } from '../limits.ts'
import type { Settings } from '../settings/fault-settings.ts'
import type { CarryOutDeps } from './carry-out.ts'
import { carryOut } from './carry-out.ts'
import type { ExecuteDelayed } from './delayed-requests.ts'

/**
 * Executes a delayed request as if it came in now. It changes nothing when its key was answered
 * meanwhile, and waits while the key is in use. Its caller gets no answer. After the longest
 * processing delay the request is dropped, even when no process ran in between: a client that finds
 * no charge after that time may rely on it.
 */
export function executeDelayed(
  deps: CarryOutDeps & Readonly<{ settings: Settings; now: () => number }>,
): ExecuteDelayed {
  return async (request, isLastTry) => {
    const { at, seq, type, dueAt, cause: _, fingerprint, declineCode, ...facts } = request
    const drop = (cause: 'other_request' | 'full' | 'refused' | 'overdue') =>
      deps.providerLog.append({ type: 'request.dropped', ...facts, cause, late: true })

    if (deps.now() - Date.parse(at) >= limits.processingDelayMaxMs) {
      await drop('overdue')
      return true
    }
    const { idempotencyKey } = facts
    const claim = deps.store.claim(idempotencyKey, fingerprint)
    switch (claim.kind) {
      case 'free':
        try {
          const result = await carryOut(deps, { facts, fingerprint, declineCode, late: true })
          if (result.kind === 'refused') await drop('refused')
        } finally {
          deps.store.release(idempotencyKey)
        }
        return true
      case 'answered': {
        const { intentId } = claim.completed.intent
        await deps.providerLog.append({ type: 'request.repeated', ...facts, intentId, late: true })
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
