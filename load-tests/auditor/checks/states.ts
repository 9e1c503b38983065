import type { Attempt } from '../attempts.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** A state that a client knew during its attempt: it read it, or its answer implied it. */
type Sighting = {
  entity: string
  state: string
  startedAt: number
  endedAt: number
  isRead: boolean
}

/**
 * The states that may be seen after a state was seen. `paid` stands for a listing whose publication was
 * answered with 201: unlike another waiting listing, it cannot become a draft again.
 */
const mayFollow: Readonly<Record<string, readonly string[]>> = {
  'listing draft': ['draft', 'payment_pending', 'live'],
  'listing payment_pending': ['payment_pending', 'live'],
  'listing paid': ['payment_pending', 'live'],
  'listing live': ['live'],
  'payment pending': ['pending', 'authorized', 'captured', 'voided', 'declined'],
  'payment authorized': ['authorized', 'captured', 'voided'],
  'payment captured': ['captured'],
  'payment voided': ['voided'],
  'payment declined': ['declined'],
}

/**
 * S8: states only move forward. What a request saw must be reachable from every state that was seen by
 * requests that had ended before it began. Requests that overlap prove nothing.
 */
export function checkStates(facts: Facts): Finding[] {
  const declined = new Set(
    facts.publications
      .filter(({ status }) => status === 'declined')
      .map(({ listingId }) => `listing ${listingId}`),
  )
  const entities = Map.groupBy(facts.attempts.flatMap(sightingsOf), ({ entity }) => entity)
  return [...entities].flatMap(([entity, sightings]) =>
    stepsBack(sightings, declined.has(entity)).map(([before, after]) => ({
      promise: 'S8' as const,
      message: `${entity} was seen as ${before}, and later as ${after}`,
      ids: [entity.split(' ')[1] ?? ''],
    })),
  )
}

function stepsBack(sightings: readonly Sighting[], mayBeDraftAgain: boolean): [string, string][] {
  const byEnd = sightings.toSorted((a, b) => a.endedAt - b.endedAt)
  const reads = sightings.filter(({ isRead }) => isRead)
  const seen = new Set<string>()
  const steps = new Map<string, [string, string]>()
  let ended = 0
  for (const { entity, state, startedAt } of reads.toSorted((a, b) => a.startedAt - b.startedAt)) {
    for (; (byEnd[ended]?.endedAt ?? Infinity) < startedAt; ended += 1) {
      seen.add(byEnd[ended]?.state ?? '')
    }
    const kind = entity.split(' ')[0]
    for (const before of seen) {
      const isDeclined = mayBeDraftAgain && before === 'payment_pending' && state === 'draft'
      if (isDeclined || mayFollow[`${kind} ${before}`]?.includes(state)) continue
      steps.set(`${before} ${state}`, [before, state])
    }
  }
  return [...steps.values()]
}

function sightingsOf(attempt: Attempt): Sighting[] {
  const { op, outcome, id, req, res, startedAt, endedAt } = attempt
  if (outcome !== 'ok' || endedAt === undefined) return []
  const sighting = (
    kind: string,
    entityId: string | undefined,
    state: string | undefined,
  ): Sighting[] =>
    entityId === undefined || state === undefined
      ? []
      : [{ entity: `${kind} ${entityId}`, state, startedAt, endedAt, isRead: op === 'read' }]
  if (op === 'read') {
    return sighting(req['of'] === 'payment' ? 'payment' : 'listing', id, res.status)
  }
  if (op === 'draft') return sighting('listing', res.listingId ?? id, 'draft')
  if (op === 'publish') return sighting('listing', id, 'paid')
  // Only answers under its own key show the state of a refund. S7 (one key has one answer) compares them.
  if (op === 'refund') return []
  return sighting('payment', res.paymentId, res.status ?? 'captured')
}
