import type { IdempotencyKeys, StoredAnswer } from '../types.ts'

/** The Redis commands that this variant needs. */
export type AnswerCache = {
  get: (key: string) => Promise<string | null>
  set: (key: string, value: string, unit: 'EX', seconds: number) => Promise<unknown>
}

const keptSeconds = 24 * 60 * 60

/**
 * Reads the answer from Redis. If there is none, charges, and SETs the answer for a day. Between
 * the GET and the SET no other attempt knows of the key: neither a concurrent one, nor one after
 * this process has died. A cache may also evict or lose what was stored.
 */
export function cacheThenCharge(cache: AnswerCache): IdempotencyKeys {
  /** The keys of requests in progress. Only this process knows them. */
  const keysById = new Map<string, string>()
  return {
    claim: async (_tx, { tenantId, route, key, proposedId }) => {
      const name = `idempotency:${tenantId}:${route}:${key}`
      const found = await cache.get(name)
      if (found !== null) return { kind: 'finished', answer: JSON.parse(found) as StoredAnswer }
      keysById.set(proposedId, name)
      return { kind: 'claimed', id: proposedId, resumed: false }
    },

    finish: async (_tx, id, answer) => {
      const name = keysById.get(id)
      keysById.delete(id)
      if (name === undefined) return
      await cache.set(name, JSON.stringify(answer), 'EX', keptSeconds)
    },

    release: async (_db, id) => {
      keysById.delete(id)
    },
  }
}
