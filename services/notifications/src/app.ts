import { buildHttpServer } from '@nightshift/runtime/http/server'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { type AddressRoutesDeps, addressRoutes } from './http/address-routes.ts'
import { type AlertRoutesDeps, alertRoutes } from './http/alert-routes.ts'
import { limits } from './limits.ts'

export type AppDeps = AlertRoutesDeps & AddressRoutesDeps & { log: Log; metrics: Metrics }

/** The public port. Builds, and does not listen: no I/O happens here. */
export async function buildApp(deps: AppDeps) {
  const app = await buildHttpServer({
    title: 'Nightshift notifications',
    description: 'Saved alerts of candidates.',
    limits: limits.http,
    log: deps.log,
    metrics: deps.metrics,
  })
  await app.register(alertRoutes, { deps })
  await app.register(addressRoutes, { deps })
  return app
}
