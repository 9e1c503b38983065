import { randomBytes } from 'node:crypto'
import { seedTenants } from '@nightshift/local/seed/seed-data'
import type { Secrets, ServiceName } from '@nightshift/local/system/secrets'

/**
 * The settings that tell a scenario about a system: its URLs and its employers. Each run gets a new
 * name, because its idempotency keys are made from that.
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
