import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { requireToken } from '../../local-guard.ts'
import type { SettingsControl } from '../../settings-control.ts'
import type { FaultSettings, Settings } from './fault-settings.ts'
import { SettingsChange } from './fault-settings.ts'
import { limits } from './limits.ts'
import type { MailStore } from './mail-store.ts'

const strict = { additionalProperties: false } as const
/** Query values arrive as text, and a mistyped number is refused instead of coerced. */
const WholeNumber = Type.String({ pattern: '^[0-9]{1,9}$' })
const MailQuery = Type.Object(
  {
    to: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })),
    after: Type.Optional(WholeNumber),
    limit: Type.Optional(WholeNumber),
  },
  strict,
)
const MailParams = Type.Object({ id: Type.String() }, strict)

/** Serves the mails as JSON. No route removes one. */
export const mailRoutes: FastifyPluginAsyncTypebox<{ store: MailStore }> = async (
  app,
  { store },
) => {
  app.get('/mails', { schema: { querystring: MailQuery } }, async request => {
    const { to, after, limit = limits.listDefault } = request.query
    return store.list({
      to,
      after: after === undefined ? undefined : Number(after),
      limit: Math.min(Math.max(1, Number(limit)), limits.listMax),
    })
  })

  app.get('/mails/:id', { schema: { params: MailParams } }, async (request, reply) => {
    const mail = store.find(request.params.id)
    return mail ?? reply.code(404).send({ error: 'no such mail' })
  })
}

type SettingsDeps = Readonly<{
  settings: Settings
  control: SettingsControl<FaultSettings>
  /** The token for changes of the settings. */
  controlToken: string
}>

/** Reads and changes the fault settings. A change is in the mail log before it is confirmed. */
export const settingsRoutes: FastifyPluginAsyncTypebox<SettingsDeps> = async (
  app,
  { settings, control, controlToken },
) => {
  const onRequest = requireToken(controlToken)
  app.get('/settings', async () => settings.read())
  app.patch('/settings', { onRequest, schema: { body: SettingsChange } }, request =>
    control.change(request.body),
  )
  app.post('/settings/reset', { onRequest }, () => control.reset())
}
