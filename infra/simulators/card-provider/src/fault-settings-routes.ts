import type { FastifyPluginAsync } from 'fastify'
import type { SettingControl } from '../../settings-control.ts'
import type { FaultSettings, Settings } from './settings/fault-settings.ts'
import { settingChangeSchema } from './settings/fault-settings.ts'

type Deps = Readonly<{ settings: Settings; control: SettingControl<FaultSettings> }>

/** Reads and turns the fault settings. A turn is in the provider log before it is confirmed. */
export const settingRoutes: FastifyPluginAsync<Deps> = async (app, { settings, control }) => {
  app.get('/settings', async () => settings.read())
  app.patch<{ Body: Partial<FaultSettings> }>(
    '/settings',
    { schema: { body: settingChangeSchema } },
    request => control.turn(request.body),
  )
  app.post('/settings/reset', () => control.reset())
}
