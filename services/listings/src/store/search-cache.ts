import { createHash } from 'node:crypto'
import type { Redis } from '@nightshift/runtime/redis/redis'
import type { Search, SearchListingsDeps } from '../flows/search-listings.ts'

const generationKey = 'search:generation'

/**
 * Caches pages of the public search in Redis, for a few seconds. Each generation of pages has its
 * own keys, so one INCR invalidates all pages at once. Without Redis every page comes from the
 * database: this costs time, and no answer becomes wrong.
 */
export function searchThroughCache(
  redis: Redis,
  cacheMs: number,
  findPage: SearchListingsDeps['findPage'],
): SearchListingsDeps['findPage'] {
  return async search => {
    const key = await keyOf(redis, search)
    const cached = key === undefined ? null : await redis.get(key).catch(ignoreRedisLoss)
    if (cached !== null) return cached
    const json = await findPage(search)
    // The caller does not wait for the cache. The key has the generation from before the page was
    // read, so an outdated page is never stored as a new one.
    if (key !== undefined) void redis.set(key, json, 'PX', cacheMs).catch(ignoreRedisLoss)
    return json
  }
}

/** Invalidates every cached page. Without Redis the pages expire within `cacheMs`. */
export async function forgetSearches(redis: Redis): Promise<void> {
  await redis.incr(generationKey).catch(ignoreRedisLoss)
}

async function keyOf(redis: Redis, search: Search): Promise<string | undefined> {
  const generation = await redis.get(generationKey).catch(() => undefined) // no cache without Redis
  if (generation === undefined) return undefined
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(search).sort()))
  return `search:${generation ?? 0}:${hash.digest('base64url')}`
}

/** The connection logs its own loss (redis.connection_lost), so the cache logs nothing. */
function ignoreRedisLoss(): null {
  return null
}
