import { buildApp as buildListings } from '@nightshift/listings/app'
import type { ServiceName } from '@nightshift/local/system/secrets'
import { buildApp as buildNotifications } from '@nightshift/notifications/app'
import { buildApp as buildPayments } from '@nightshift/payments/app'
import { limits } from '@nightshift/payments/limits'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import { createMetrics } from '@nightshift/runtime/telemetry/metrics'

type ServiceApp = Awaited<ReturnType<typeof buildPayments>>

const builders: Readonly<Record<ServiceName, (deps: never) => Promise<unknown>>> = {
  payments: buildPayments,
  listings: buildListings,
  notifications: buildNotifications,
}

/**
 * The app of a service without its dependencies. Its routes and schemas are real, so that it can be
 * described; a dependency fails when it is called.
 */
export async function openServiceApp(name: ServiceName): Promise<ServiceApp> {
  const app = (await builders[name](absentDependencies(name) as never)) as ServiceApp
  await app.ready()
  return app
}

function absentDependencies(name: string): object {
  const present: Record<string, unknown> = {
    httpLimits: limits.http,
    log: {} as Log,
    metrics: createMetrics(name),
    entrance: undefined,
    slowClients: undefined,
  }
  return new Proxy(present, {
    get: (target, property) =>
      property in target ? target[String(property)] : () => Promise.reject(new Error('absent')),
  })
}
