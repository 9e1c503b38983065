import type { Registry } from 'prom-client'
import { limitedDoor } from './limited-door.ts'
import { rateLimitMetrics } from './metrics.ts'
import { orLocally } from './or-locally.ts'
import { type TenantNumbers, tenantLimits } from './tenant-limits.ts'
import type { TakeUnits } from './types.ts'

export type TenantDoorOptions = {
  /** In the names of the buckets. */
  service: string
  perSecond: number
  numbers: TenantNumbers
  /** The pattern or its naive version. While it fails, this process counts alone. */
  inRedis: TakeUnits
  registry: Registry
}

/** The limits of each tenant of one service, with the process in place of a Redis that is away. */
export function tenantDoor({ service, perSecond, numbers, inRedis, registry }: TenantDoorOptions) {
  const metrics = rateLimitMetrics(registry)
  return limitedDoor({
    takeUnits: orLocally(inRedis, numbers, metrics),
    limits: tenantLimits(service, perSecond, numbers),
    metrics,
  })
}
