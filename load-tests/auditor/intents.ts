import type { Attempt } from './attempts.ts'
import type { PublicationRow, RefundRow } from './evidence.ts'

/** Everything that a client asked for under one idempotency key: one intent, however many attempts. */
export type Intent = {
  op: 'publish' | 'pay' | 'refund'
  tenant: string
  key: string
  attempts: Attempt[]
  /** The rows that the key stands for, according to the services' tables and to the answers. */
  paymentIds: Set<string>
  publicationIds: Set<string>
  refundIds: Set<string>
}

type KeyedAttempt = Attempt & { op: Intent['op']; key: string }
type SubjectsByKey = ReadonlyMap<string, string>
/** The rows that belong to a target: the publications of a listing, the refunds of a payment. */
type RowsByTarget = {
  publicationsByListing: ReadonlyMap<string, readonly PublicationRow[]>
  refundsByPayment: ReadonlyMap<string, readonly RefundRow[]>
}

/**
 * Groups the attempts by key, and finds out what each key stands for. The services' tables of keys and
 * the answers say so. A service may ignore keys, and an answer may be lost: then the key is joined by
 * the target of its requests, unless another key has the same target.
 */
export function intentsOf(
  attempts: readonly Attempt[],
  subjects: Readonly<Record<Intent['op'], SubjectsByKey>>,
  { publicationsByListing, refundsByPayment }: RowsByTarget,
): Intent[] {
  const keyed = attempts.filter(isKeyed)
  const groups = Map.groupBy(keyed, ({ op, tenant, key }) => `${op} ${tenant} ${key}`)
  const attemptsByTarget = Map.groupBy(keyed, targetOf)
  const hasOneKey = (target: string) =>
    new Set(attemptsByTarget.get(target)?.map(({ key }) => key)).size === 1

  return [...groups.values()].flatMap(group => {
    const [first] = group
    if (!first) return []
    const { op, tenant, key } = first
    const answered = (id: 'paymentId' | 'publicationId' | 'refundId') =>
      group.map(({ res }) => res[id]).filter(value => value !== undefined)
    const paymentIds = new Set(answered('paymentId'))
    const publicationIds = new Set(answered('publicationId'))
    const refundIds = new Set(answered('refundId'))
    const subject = subjects[op].get(`${tenant} ${key}`)
    const standsFor = { pay: paymentIds, publish: publicationIds, refund: refundIds }[op]
    if (subject !== undefined) standsFor.add(subject)
    const target = targetOf(first)
    if (op === 'refund' && target !== '') paymentIds.add(target)
    if (target !== '' && hasOneKey(target)) {
      if (op === 'pay') publicationIds.add(target)
      else if (op === 'refund') {
        for (const row of refundsByPayment.get(target) ?? []) refundIds.add(row.refundId)
      } else if (publicationIds.size === 0) {
        for (const row of publicationsByListing.get(target) ?? []) {
          publicationIds.add(row.publicationId)
        }
      }
    }
    return [{ op, tenant, key, attempts: group, paymentIds, publicationIds, refundIds }]
  })
}

function isKeyed(attempt: Attempt): attempt is KeyedAttempt {
  const { op, key } = attempt
  return (op === 'publish' || op === 'pay' || op === 'refund') && key !== undefined
}

/** The listing to publish, the publication to pay for, or the payment to refund. */
function targetOf({ op, id, req }: Attempt): string {
  return (op === 'pay' ? req['publicationId'] : id)?.toString() ?? ''
}
