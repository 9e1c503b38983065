import { Redis } from 'ioredis'
import type { Log } from '../telemetry/logger.ts'

export type { Redis }

export type RedisLimits = { connectMs: number; commandMs: number }

const lostLogIntervalMs = 10_000

/**
 * Redis for caches and limits: things that may be lost. Every setting here says "fail at once":
 * with the defaults a command waits for the connection to come back and is then run late, and one
 * whose answer was lost is run twice (redis/ioredis#2130).
 */
export function openRedis(url: string, limits: RedisLimits, log: Log): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: limits.connectMs,
    commandTimeout: limits.commandMs,
    retryStrategy: attempt => Math.min(100 * attempt, 2_000),
  })
  let loggedAtMs = 0
  redis.on('error', error => {
    // Each attempt to connect reports; one line in ten seconds says as much.
    if (performance.now() - loggedAtMs < lostLogIntervalMs) return
    loggedAtMs = performance.now()
    log.warn({ event: 'redis.connection_lost', error })
  })
  redis.connect().catch(() => {
    // Reported by the listener above; the client goes on trying, and its callers do without.
  })
  return redis
}
