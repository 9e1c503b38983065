import type { ServiceName } from '../system/secrets.ts'

/**
 * Who may enter the database of a service. What each may do there is granted by its migrations.
 * `<service>` serves requests, `_worker` what works for all tenants, `_relay` empties the outbox,
 * and `_reader` looks.
 */
export const rolesOf = {
  payments: ['payments', 'payments_worker', 'payments_relay', 'payments_reader'],
  listings: ['listings', 'listings_worker', 'listings_relay', 'listings_reader'],
  notifications: ['notifications', 'notifications_reader'],
} as const satisfies Readonly<Record<ServiceName, readonly string[]>>

export type RoleName = (typeof rolesOf)[ServiceName][number]

export const roleNames: readonly RoleName[] = Object.values(rolesOf).flat()

/** Owns the tables of a service and can't log in: who works with a table can't change what it is. */
export function ownerOf(service: ServiceName): string {
  return `${service}_owner`
}
