import { createHash } from 'node:crypto'
import type { Redis } from '@nightshift/runtime/redis/redis'
import type { Search, SearchListingsDeps } from '../flows/search-listings.ts'

const generationKey = 'search:generation'

/**
 * Pages of the public search in Redis, for a few seconds. Each generation of pages has its own keys,
 * so one INCR makes all of them old at once. When Redis is away the database is asked: it costs
 * time, and no answer becomes wrong.
 */
export function searchThroughCache(
  redis: Redis,
  cacheMs: number,
  findPage: SearchListingsDeps['findPage'],
): SearchListingsDeps['findPage'] {
  return async search => {
    const key = await keyOf(redis, search)
    const cached = key === undefined ? null : await redis.get(key).catch(redisAway)
    if (cached !== null) return cached
    const json = await findPage(search)
    // Not waited for: the caller has its page. The key holds the generation from before the
    // database was read, so a page that is old already can't pass for a new one.
    if (key !== undefined) void redis.set(key, json, 'PX', cacheMs).catch(redisAway)
    return json
  }
}

/** Makes every cached page old. If Redis is away they expire within `cacheMs` all the same. */
export async function forgetSearches(redis: Redis): Promise<void> {
  await redis.incr(generationKey).catch(redisAway)
}

async function keyOf(redis: Redis, search: Search): Promise<string | undefined> {
  const generation = await redis.get(generationKey).catch(() => undefined) // away: no cache today
  if (generation === undefined) return undefined
  const hash = createHash('sha256').update(JSON.stringify(Object.entries(search).sort()))
  return `search:${generation ?? 0}:${hash.digest('base64url')}`
}

/** The connection reports its own loss (redis.connection_lost); a cache has nothing to add. */
function redisAway(): null {
  return null
}
