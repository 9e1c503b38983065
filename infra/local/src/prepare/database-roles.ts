import type { ServiceName } from '../system/secrets.ts'

/**
 * The roles that may enter the database of a service; its migrations grant their rights. `<service>`
 * serves requests, `_worker` runs the jobs for all tenants, `_relay` publishes the outbox, and
 * `_reader` only reads.
 */
export const rolesOf = {
  payments: ['payments', 'payments_worker', 'payments_relay', 'payments_reader'],
  listings: ['listings', 'listings_worker', 'listings_relay', 'listings_reader'],
  notifications: ['notifications', 'notifications_reader'],
} as const satisfies Readonly<Record<ServiceName, readonly string[]>>

export type RoleName = (typeof rolesOf)[ServiceName][number]

export const roleNames: readonly RoleName[] = Object.values(rolesOf).flat()

/** Owns the tables of a service and can't log in, so that no service can alter its own tables. */
export function ownerOf(service: ServiceName): string {
  return `${service}_owner`
}
