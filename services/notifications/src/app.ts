import {
  buildHttpServer,
  type Entrance,
  type ReadBudget,
  type SlowClients,
} from '@nightshift/runtime/http/server'
import type { Log } from '@nightshift/runtime/telemetry/logger'
import type { Metrics } from '@nightshift/runtime/telemetry/metrics'
import { type AddressRoutesDeps, addressRoutes } from './http/address-routes.ts'
import { type AlertRoutesDeps, alertRoutes } from './http/alert-routes.ts'
import { limits } from './limits.ts'

export type AppDeps = AlertRoutesDeps &
  AddressRoutesDeps & {
    log: Log
    metrics: Metrics
    readBudget: ReadBudget
    entrance: Entrance
    slowClients: SlowClients
  }

/**
 * The application behind the public port. It is only built here: no I/O happens, and nothing
 * listens.
 */
export async function buildApp(deps: AppDeps) {
  const app = await buildHttpServer({
    title: 'Nightshift notifications',
    description: 'Alerts that candidates save, and the links in their mails.',
    limits: limits.http,
    log: deps.log,
    metrics: deps.metrics,
    readBudget: deps.readBudget,
    entrance: deps.entrance,
    slowClients: deps.slowClients,
  })
  await app.register(alertRoutes, { deps })
  await app.register(addressRoutes, { deps })
  return app
}
