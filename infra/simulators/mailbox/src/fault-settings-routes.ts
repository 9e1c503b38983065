import type { FastifyPluginAsync } from 'fastify'
import type { DialControl } from '../../settings-control.ts'
import type { DialSettings, Dials } from './fault-settings.ts'
import { dialChangeSchema } from './fault-settings.ts'

type Deps = Readonly<{ dials: Dials; control: DialControl<DialSettings> }>

/** Reads and turns the fault dials. A turn is in the mail log before it is confirmed. */
export const dialRoutes: FastifyPluginAsync<Deps> = async (app, { dials, control }) => {
  app.get('/dials', async () => dials.read())
  app.patch<{ Body: Partial<DialSettings> }>(
    '/dials',
    { schema: { body: dialChangeSchema } },
    request => control.turn(request.body),
  )
  app.post('/dials/reset', () => control.reset())
}
