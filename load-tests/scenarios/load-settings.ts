import { randomBytes } from 'node:crypto'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import type { Secrets, ServiceName } from '@nightshift/local/system/secrets'

/**
 * What a load scenario has to know of a system: where it is, and who the employers are. The run gets
 * a name of its own, because idempotency keys are made from it.
 */
export function loadSettingsOf(
  urls: Readonly<Record<ServiceName, string>>,
  apiKeys: Secrets['apiKeys'],
): Record<string, string> {
  const employers = seedTenants.filter(({ name }) => apiKeys[name] !== undefined)
  return {
    LISTINGS_URL: urls.listings,
    PAYMENTS_URL: urls.payments,
    NOTIFICATIONS_URL: urls.notifications,
    TENANTS: employers.map(({ tenantId }) => tenantId).join(','),
    API_KEYS: employers.map(({ name }) => apiKeys[name]).join(','),
    RUN: `run-${randomBytes(4).toString('hex')}`,
  }
}
