import type { FastifyPluginAsync } from 'fastify'
import type { SettingControl } from '../../../settings-control.ts'
import { settingRoutes } from '../fault-settings-routes.ts'
import type { ProviderLog } from '../log/provider-log.ts'
import { providerLogRoutes } from '../provider-log-routes.ts'
import type { FaultSettings, Settings } from '../settings/fault-settings.ts'
import { refuseKey } from './authorize.ts'

type Deps = Readonly<{
  settings: Settings
  control: SettingControl<FaultSettings>
  truth: ProviderLog
}>

/** What only those ask who make the faults and who judge: the product knows nothing of it. */
export const operatorRoutes: FastifyPluginAsync<Deps> = async (
  app,
  { settings, control, truth },
) => {
  app.addHook('onRequest', refuseKey)
  app.register(settingRoutes, { settings, control })
  app.register(providerLogRoutes, { truth })
}
