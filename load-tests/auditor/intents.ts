import type { Attempt } from './attempts.ts'
import type { PublicationRow, RefundRow } from './evidence.ts'

/** What a client wanted once, however often it asked: everything under one idempotency key. */
export type Intent = {
  op: 'publish' | 'pay' | 'refund'
  tenant: string
  key: string
  attempts: Attempt[]
  /** What the key stands for, as the services remember it or the client was told. */
  paymentIds: Set<string>
  publicationIds: Set<string>
  refundIds: Set<string>
}

type Keyed = Attempt & { op: Intent['op']; key: string }
type SubjectsByKey = ReadonlyMap<string, string>
/** What became of a listing that was to be published, or of a payment that was to be given back. */
type Wished = {
  publicationsByListing: ReadonlyMap<string, readonly PublicationRow[]>
  refundsByPayment: ReadonlyMap<string, readonly RefundRow[]>
}

/**
 * Groups the attempts by key, and finds out what each key became: from the services' own tables of
 * keys, and from the answers. Where neither knows (a service that ignores keys, an answer that was
 * lost) the key is joined by what it asked for, if no other key has asked for the same.
 */
export function intentsOf(
  attempts: readonly Attempt[],
  subjects: Readonly<Record<Intent['op'], SubjectsByKey>>,
  { publicationsByListing, refundsByPayment }: Wished,
): Intent[] {
  const keyed = attempts.filter(isKeyed)
  const groups = Map.groupBy(keyed, ({ op, tenant, key }) => `${op} ${tenant} ${key}`)
  const keysByWish = Map.groupBy(keyed, wishOf)
  const askedByOneKey = (one: Keyed) =>
    new Set(keysByWish.get(wishOf(one))?.map(({ key }) => key)).size === 1

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
    const became = { pay: paymentIds, publish: publicationIds, refund: refundIds }[op]
    if (subject !== undefined) became.add(subject)
    const wish = wishOf(first)
    if (op === 'refund' && wish !== '') paymentIds.add(wish)
    if (wish !== '' && askedByOneKey(first)) {
      if (op === 'pay') publicationIds.add(wish)
      else if (op === 'refund') {
        for (const row of refundsByPayment.get(wish) ?? []) refundIds.add(row.refundId)
      } else if (publicationIds.size === 0) {
        for (const row of publicationsByListing.get(wish) ?? []) {
          publicationIds.add(row.publicationId)
        }
      }
    }
    return [{ op, tenant, key, attempts: group, paymentIds, publicationIds, refundIds }]
  })
}

function isKeyed(attempt: Attempt): attempt is Keyed {
  const { op, key } = attempt
  return (op === 'publish' || op === 'pay' || op === 'refund') && key !== undefined
}

/** The listing to publish, the publication to pay for, or the payment to give back. */
function wishOf({ op, id, req }: Attempt): string {
  return (op === 'pay' ? req['publicationId'] : id)?.toString() ?? ''
}
