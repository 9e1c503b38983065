import type { FastifyPluginAsync } from 'fastify'
import type { DialControl } from '../../settings-control.ts'
import { refuseKey } from './authorize.ts'
import type { DialSettings, Dials } from './fault-settings.ts'
import { dialRoutes } from './fault-settings-routes.ts'
import type { TruthLog } from './provider-log.ts'
import { truthRoutes } from './provider-log-routes.ts'

type Deps = Readonly<{ dials: Dials; control: DialControl<DialSettings>; truth: TruthLog }>

/** What only those ask who make the faults and who judge: the product knows nothing of it. */
export const operatorRoutes: FastifyPluginAsync<Deps> = async (app, { dials, control, truth }) => {
  app.addHook('onRequest', refuseKey)
  app.register(dialRoutes, { dials, control })
  app.register(truthRoutes, { truth })
}
