import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { SettingsControl } from '../../../settings-control.ts'
import { limits } from '../limits.ts'
import { judgedMetadata, type ProviderLog } from '../log/provider-log.ts'
import type { FaultSettings, Settings } from '../settings/fault-settings.ts'
import { settingChangeSchema } from '../settings/fault-settings.ts'
import { refuseKey } from './authorize.ts'

type Deps = Readonly<{
  settings: Settings
  control: SettingsControl<FaultSettings>
  truth: ProviderLog
}>

const WholeNumber = Type.String({ pattern: '^[0-9]{1,9}$' })
const MetadataValue = Type.String({ minLength: 1, maxLength: 500 })
const LogQuery = Type.Object(
  {
    payment_id: Type.Optional(MetadataValue),
    publication_id: Type.Optional(MetadataValue),
    refund_id: Type.Optional(MetadataValue),
    after: Type.Optional(WholeNumber),
    limit: Type.Optional(WholeNumber),
  },
  { additionalProperties: false },
)

/** What only those ask who make the faults and who judge: the product knows nothing of it. */
export const operatorRoutes: FastifyPluginAsyncTypebox<Deps> = async (
  app,
  { settings, control, truth },
) => {
  app.addHook('onRequest', refuseKey)

  app.get('/settings', async () => settings.read())
  app.patch('/settings', { schema: { body: settingChangeSchema } }, request =>
    control.change(request.body as Partial<FaultSettings>),
  )
  app.post('/settings/reset', () => control.reset())

  app.get('/log', { schema: { querystring: LogQuery } }, async request => {
    const { after = 0, limit = limits.logPageDefault, ...filters } = request.query
    const name = judgedMetadata.find(one => filters[one] !== undefined)
    const value = name && filters[name]
    const metadata = name && value !== undefined ? { name, value } : undefined
    const count = Math.min(Math.max(1, Number(limit)), limits.logPageMax)
    return truth.page({ metadata, after: Number(after), limit: count })
  })
}
