import type { FastifyPluginAsync } from 'fastify'
import type { DialControl } from '../../dial-control.ts'
import { refuseKey } from './authorize.ts'
import { dialRoutes } from './dial-routes.ts'
import type { DialSettings, Dials } from './dials.ts'
import type { TruthLog } from './truth-log.ts'
import { truthRoutes } from './truth-routes.ts'

type Deps = Readonly<{ dials: Dials; control: DialControl<DialSettings>; truth: TruthLog }>

/** What only those ask who make the faults and who judge: the product knows nothing of it. */
export const operatorRoutes: FastifyPluginAsync<Deps> = async (app, { dials, control, truth }) => {
  app.addHook('onRequest', refuseKey)
  app.register(dialRoutes, { dials, control })
  app.register(truthRoutes, { truth })
}
