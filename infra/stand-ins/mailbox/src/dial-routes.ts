import type { FastifyPluginAsync } from 'fastify'
import type { AppendLog } from '../../append-log.ts'
import type { DialSettings, Dials } from './dials.ts'
import { dialChangeSchema } from './dials.ts'
import type { MailEntry } from './mail-entry.ts'

type Deps = Readonly<{ dials: Dials; log: AppendLog<MailEntry> }>

/** Reads and turns the fault dials. A turn is in the mail log before it is confirmed. */
export const dialRoutes: FastifyPluginAsync<Deps> = async (app, { dials, log }) => {
  app.get('/dials', async () => dials.read())
  app.patch<{ Body: Partial<DialSettings> }>(
    '/dials',
    { schema: { body: dialChangeSchema } },
    async request => {
      const changed = dials.change(request.body)
      await log.append({ type: 'dials.changed', cause: 'patch', dials: changed })
      return changed
    },
  )
}
