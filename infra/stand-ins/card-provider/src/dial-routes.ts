import type { FastifyPluginAsync } from 'fastify'
import type { DialSettings, Dials } from './dials.ts'
import { dialChangeSchema } from './dials.ts'
import type { TruthLog } from './truth-log.ts'

/** Reads and turns the fault dials. A turn is in the truth log before it is confirmed. */
export const dialRoutes: FastifyPluginAsync<{ dials: Dials; truth: TruthLog }> = async (
  app,
  { dials, truth },
) => {
  app.get('/dials', async () => dials.read())
  app.patch<{ Body: Partial<DialSettings> }>(
    '/dials',
    { schema: { body: dialChangeSchema } },
    async request => {
      const changed = dials.change(request.body)
      await truth.append({ type: 'dials.changed', cause: 'patch', dials: changed })
      return changed
    },
  )
}
