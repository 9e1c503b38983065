import { Redis } from 'ioredis'
import type { Log } from '../telemetry/logger.ts'

export type { Redis }

export type RedisLimits = { connectMs: number; commandMs: number }

const lostLogIntervalMs = 10_000

/**
 * Redis for caches and limits: data that may be lost. Every setting here means "fail at once". With
 * the defaults a command waits for the connection and runs late, and a command whose answer was lost
 * runs twice (redis/ioredis#2130).
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
    // Each attempt to connect reports an error; one line in ten seconds is enough.
    if (performance.now() - loggedAtMs < lostLogIntervalMs) return
    loggedAtMs = performance.now()
    log.warn({ event: 'redis.connection_lost', error })
  })
  redis.connect().catch(() => {
    // Reported by the listener above. The client goes on trying, and its callers do without it.
  })
  return redis
}
