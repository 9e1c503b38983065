import type { IdempotencyKeys, StoredAnswer } from './types.ts'

/** What is needed of Redis. */
export type AnswerCache = {
  get: (key: string) => Promise<string | null>
  set: (key: string, value: string, unit: 'EX', seconds: number) => Promise<unknown>
}

const keptSeconds = 24 * 60 * 60

/**
 * Look in Redis; if no answer is there, do it, and SET the answer for a day. Between the look and the
 * SET the key is unknown to everybody: to an attempt at the same moment, and to the next one if this
 * process dies. And what is in a cache may be gone tomorrow, or in a minute.
 */
export function cacheThenCharge(cache: AnswerCache): IdempotencyKeys {
  /** What is under way in this process, and nowhere else. */
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
