import type { OrLocallyLimits } from './or-locally.ts'
import type { Limit } from './types.ts'

/** The numbers of a service, as its limits.ts has them. */
export type TenantNumbers = OrLocallyLimits &
  Readonly<{
    /** The requests that a tenant may send at once after a pause, as a time at its rate. */
    burstMs: number
    declinedPerHour: number
    /** Those of them that may come at once. */
    declinedAtOnce: number
    paidPerDeclined: number
  }>

const secondMs = 1_000
const hourMs = 3_600_000

/**
 * The limits of each tenant of one service.
 * @param service in the names of the buckets: two services that share a Redis share no limit
 */
export function tenantLimits(service: string, perSecond: number, numbers: TenantNumbers) {
  const atOnce = Math.max(1, Math.floor((perSecond * numbers.burstMs) / secondMs))
  return {
    requests: {
      name: 'tenant',
      bucket: `${service}:requests`,
      count: perSecond,
      windowMs: secondMs,
      burst: atOnce,
    } satisfies Limit,
    declined: {
      name: 'declined',
      bucket: `${service}:declined`,
      count: numbers.declinedPerHour,
      windowMs: hourMs,
      burst: numbers.declinedAtOnce,
    } satisfies Limit,
    paidPerDeclined: numbers.paidPerDeclined,
  }
}
