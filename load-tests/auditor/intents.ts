import type { Attempt } from './attempts.ts'
import type { PublicationRow } from './evidence.ts'

/** What a client wanted once, however often it asked: everything under one idempotency key. */
export type Intent = {
  op: 'publish' | 'pay'
  tenant: string
  key: string
  attempts: Attempt[]
  /** What the key stands for, as the services remember it or the client was told. */
  paymentIds: Set<string>
  publicationIds: Set<string>
}

type Keyed = Attempt & { op: Intent['op']; key: string }
type SubjectsByKey = ReadonlyMap<string, string>

/**
 * Groups the attempts by key, and finds out what each key became: from the services' own tables of
 * keys, and from the answers. Where neither knows (a service that ignores keys, an answer that was
 * lost) the key is joined by what it asked for, if no other key has asked for the same.
 */
export function intentsOf(
  attempts: readonly Attempt[],
  subjects: Readonly<Record<Intent['op'], SubjectsByKey>>,
  publicationsByListing: ReadonlyMap<string, readonly PublicationRow[]>,
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
    const answered = (id: 'paymentId' | 'publicationId') =>
      group.map(({ res }) => res[id]).filter(value => value !== undefined)
    const paymentIds = new Set(answered('paymentId'))
    const publicationIds = new Set(answered('publicationId'))
    const subject = subjects[op].get(`${tenant} ${key}`)
    if (subject !== undefined) (op === 'pay' ? paymentIds : publicationIds).add(subject)
    const wish = wishOf(first)
    if (wish !== '' && askedByOneKey(first)) {
      if (op === 'pay') publicationIds.add(wish)
      else if (publicationIds.size === 0) {
        for (const row of publicationsByListing.get(wish) ?? []) {
          publicationIds.add(row.publicationId)
        }
      }
    }
    return [{ op, tenant, key, attempts: group, paymentIds, publicationIds }]
  })
}

function isKeyed(attempt: Attempt): attempt is Keyed {
  return (attempt.op === 'publish' || attempt.op === 'pay') && attempt.key !== undefined
}

/** The listing to publish, or the publication to pay for. */
function wishOf({ op, id, req }: Attempt): string {
  return (op === 'pay' ? req['publicationId'] : id)?.toString() ?? ''
}
