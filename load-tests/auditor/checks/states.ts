import type { Attempt } from '../attempts.ts'
import type { Facts } from '../facts.ts'
import type { Finding } from '../verdict.ts'

/** What somebody knew at a time: seen by a read, or told by the answer that made it so. */
type Sight = { entity: string; state: string; startedAt: number; endedAt: number; isRead: boolean }

/**
 * What may be seen after a state was seen. `paid` is what a client knows of a listing whose
 * publication was answered with 201: unlike any other waiting listing it can not be a draft again.
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
 * S8. For each listing and payment: what a request saw must be reachable from everything that was
 * seen by requests that were over before it began. Requests that overlap prove nothing.
 */
export function checkNothingGoesBack(facts: Facts): Finding[] {
  const declined = new Set(
    facts.publications
      .filter(({ status }) => status === 'declined')
      .map(({ listingId }) => `listing ${listingId}`),
  )
  const entities = Map.groupBy(facts.attempts.flatMap(sightsOf), ({ entity }) => entity)
  return [...entities].flatMap(([entity, sights]) =>
    stepsBack(sights, declined.has(entity)).map(([before, after]) => ({
      invariant: 'S8' as const,
      message: `${entity} was seen as ${before}, and later as ${after}`,
      ids: [entity.split(' ')[1] ?? ''],
    })),
  )
}

function stepsBack(sights: readonly Sight[], mayBeDraftAgain: boolean): [string, string][] {
  const byEnd = sights.toSorted((a, b) => a.endedAt - b.endedAt)
  const reads = sights.filter(({ isRead }) => isRead)
  const seen = new Set<string>()
  const steps = new Map<string, [string, string]>()
  let over = 0
  for (const { entity, state, startedAt } of reads.toSorted((a, b) => a.startedAt - b.startedAt)) {
    for (; (byEnd[over]?.endedAt ?? Infinity) < startedAt; over += 1) {
      seen.add(byEnd[over]?.state ?? '')
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

function sightsOf(attempt: Attempt): Sight[] {
  const { op, outcome, id, req, res, startedAt, endedAt } = attempt
  if (outcome !== 'ok' || endedAt === undefined) return []
  const sight = (kind: string, of: string | undefined, state: string | undefined): Sight[] =>
    of === undefined || state === undefined
      ? []
      : [{ entity: `${kind} ${of}`, state, startedAt, endedAt, isRead: op === 'read' }]
  if (op === 'read') return sight(req['of'] === 'payment' ? 'payment' : 'listing', id, res.status)
  if (op === 'draft') return sight('listing', res.listingId ?? id, 'draft')
  if (op === 'publish') return sight('listing', id, 'paid')
  // Of a refund nobody sees a state that is not in its own answers, which S7 compares.
  if (op === 'refund') return []
  return sight('payment', res.paymentId, res.status ?? 'captured')
}
