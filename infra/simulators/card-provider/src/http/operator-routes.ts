import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requireToken } from '../../../local-guard.ts'
import type { SettingsControl } from '../../../settings-control.ts'
import { limits } from '../limits.ts'
import { indexedMetadata, type ProviderLog } from '../log/provider-log.ts'
import type { FaultSettings, Settings } from '../settings/fault-settings.ts'
import { SettingsChange } from '../settings/fault-settings.ts'
import { refuseKey } from './authorize.ts'

type Deps = Readonly<{
  settings: Settings
  control: SettingsControl<FaultSettings>
  /** The token for changes of the settings. */
  controlToken: string
  providerLog: Pick<ProviderLog, 'page'>
}>

/** Query values arrive as text, and a mistyped number is refused instead of coerced. */
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

/** Serves the operators: fault injectors change settings, and auditors read the provider log. */
export const operatorRoutes: FastifyPluginAsyncTypebox<Deps> = async (
  app,
  { settings, control, controlToken, providerLog },
) => {
  const withToken = { onRequest: requireToken(controlToken) }
  const withoutKey = { onRequest: refuseKey }
  app.get('/settings', withoutKey, async () => settings.read())
  app.patch('/settings', { ...withToken, schema: { body: SettingsChange } }, request =>
    control.change(request.body),
  )
  app.post('/settings/reset', withToken, () => control.reset())

  app.get('/log', { ...withoutKey, schema: { querystring: LogQuery } }, async request => {
    const { after = 0, limit = limits.logPageDefault, ...filters } = request.query
    const name = indexedMetadata.find(each => filters[each] !== undefined)
    const value = name && filters[name]
    const metadata = name && value !== undefined ? { name, value } : undefined
    const count = Math.min(Math.max(1, Number(limit)), limits.logPageMax)
    return providerLog.page({ metadata, after: Number(after), limit: count })
  })
}
