import { createHash } from 'node:crypto'
import type { OutboundCall } from '@nightshift/patterns/outbound-call/outbound-call'
import { deadlineIn } from '@nightshift/runtime/process/deadline'
import type { Redis } from '@nightshift/runtime/redis/redis'
import type { Search, SearchListingsDeps } from '../flows/search-listings.ts'

const generationKey = 'search:generation'

export type SearchCache = {
  redis: Redis
  /** Calls to Redis. While Redis is silent its breaker opens, and no search waits for it. */
  call: OutboundCall
  budgetMs: number
}

/**
 * Caches pages of the public search in Redis, for a few seconds. Each generation of pages has its
 * own keys, so one INCR invalidates all pages at once. Without Redis every page comes from the
 * database: this costs time, and no answer becomes wrong.
 */
export function searchThroughCache(
  cache: SearchCache,
  cacheMs: number,
  findPage: SearchListingsDeps['findPage'],
): SearchListingsDeps['findPage'] {
  return async search => {
    const key = await keyOf(cache, search)
    const cached =
      key === undefined ? undefined : await ask(cache, 'redis get', redis => redis.get(key))
    if (typeof cached === 'string') return cached
    const json = await findPage(search)
    // The caller does not wait for the cache. The key has the generation from before the page was
    // read, so an outdated page is never stored as a new one.
    if (key !== undefined)
      void ask(cache, 'redis set', redis => redis.set(key, json, 'PX', cacheMs))
    return json
  }
}

/** Invalidates every cached page. Without Redis the pages expire within `cacheMs`. */
export async function forgetSearches(cache: SearchCache): Promise<void> {
  await ask(cache, 'redis incr', redis => redis.incr(generationKey))
}

async function keyOf(cache: SearchCache, search: Search): Promise<string | undefined> {
  const generation = await ask(cache, 'redis get', redis => redis.get(generationKey))
  if (generation === undefined) return undefined
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(search).sort()))
  return `search:${generation ?? 0}:${hash.digest('base64url')}`
}

/**
 * Undefined if Redis did not answer: the search goes on without it. The connection logs its own loss
 * (redis.connection_lost), so the cache logs nothing.
 */
async function ask<T>(
  { redis, call, budgetMs }: SearchCache,
  operation: string,
  command: (redis: Redis) => Promise<T>,
): Promise<T | undefined> {
  const outcome = await call<T, never>(operation, deadlineIn(budgetMs), async () =>
    command(redis).then(
      value => ({ kind: 'ok', value }),
      cause => ({ kind: 'unknown', cause }),
    ),
  )
  return outcome.kind === 'ok' ? outcome.value : undefined
}
